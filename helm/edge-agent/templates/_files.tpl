{{/* What is mounted: volumes of the pod and where the container has them. Both lists have the same order. */}}

{{/* ConfigMap of the chart. */}}
{{- define "edge-agent.configMap" -}}
{{ include "edge-agent.fullname" . }}-files
{{- end -}}

{{/* The files that the chart brings along, as JSON: {files: [{name, key, configMap, path, text}]}. */}}
{{- define "edge-agent.files" -}}
{{- $root := . -}}
{{- $all := list -}}
{{- range list (list "policy" .Values.policy .Values.policy.toml "/etc/edge-agent/policy.toml") (list "agent-config" .Values.agentConfig .Values.agentConfig.toml "/etc/edge-agent/agent.toml") (list "constraints" .Values.constraints .Values.constraints.text "/etc/edge-agent/constraints.txt") (list "ca-bundle" .Values.caBundle .Values.caBundle.pem "/etc/edge-agent/ca/ca.pem") -}}
{{- $value := index . 1 -}}
{{- if or (index . 2) $value.configMapName -}}
{{- $file := dict "name" (index . 0) "path" (index . 3) "text" (index . 2) "key" (base (index . 3)) "configMap" (include "edge-agent.configMap" $root) -}}
{{- if $value.configMapName -}}
{{- $_ := set $file "configMap" $value.configMapName -}}
{{- $_ := set $file "key" $value.configMapKey -}}
{{- end -}}
{{- $all = append $all $file -}}
{{- end -}}
{{- end -}}
{{- dict "files" $all | toJson -}}
{{- end -}}

{{- define "edge-agent.volumes" -}}
{{- $root := index . 0 -}}{{- $worker := index . 1 -}}
- name: tmp
  emptyDir:
    {{- if $worker.tmpSize }}
    sizeLimit: {{ $worker.tmpSize | quote }}
    {{- else }} {}
    {{- end }}
- name: home
  emptyDir: {}
{{- if not $worker.persistence.enabled }}
- name: state
  emptyDir:
    sizeLimit: {{ $worker.persistence.size | quote }}
{{- end }}
{{- if not $root.Values.agentTokenFile }}
# Without fsGroup this would be root's alone. With it Kubernetes makes it 0440, which the agent takes from root.
- name: token
  secret:
    secretName: {{ include "edge-agent.tokenSecret" $root | quote }}
    defaultMode: 0400
    items:
      - key: {{ ternary $root.Values.agentTokenSecretKey "token" (ne $root.Values.agentTokenSecretName "") | quote }}
        path: token
{{- end }}
{{- with $root.Values.clientCertificateSecretName }}
- name: client-certificate
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0400
{{- end }}
{{- range (include "edge-agent.files" $root | fromJson).files }}
- name: {{ .name }}
  configMap:
    name: {{ .configMap | quote }}
    items:
      - key: {{ .key | quote }}
        path: {{ base .path }}
{{- end }}
{{- with $worker.volumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "edge-agent.volumeMounts" -}}
{{- $root := index . 0 -}}{{- $worker := index . 1 -}}
- name: tmp
  mountPath: /tmp
- name: home
  mountPath: /home/edge-agent
- name: state
  mountPath: /var/lib/edge-agent
{{- if not $root.Values.agentTokenFile }}
- name: token
  mountPath: /etc/edge-agent/token
  readOnly: true
{{- end }}
{{- if $root.Values.clientCertificateSecretName }}
- name: client-certificate
  mountPath: /etc/edge-agent/client-certificate
  readOnly: true
{{- end }}
{{- range (include "edge-agent.files" $root | fromJson).files }}
- name: {{ .name }}
  {{- if eq .name "ca-bundle" }}
  mountPath: {{ dir .path }}
  {{- else }}
  # The file by itself: anybody may write into the directory of a ConfigMap's volume, and the agent would see that.
  mountPath: {{ .path }}
  subPath: {{ base .path }}
  {{- end }}
  readOnly: true
{{- end }}
{{- with $worker.volumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}
