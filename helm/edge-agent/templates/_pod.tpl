{{/* The pod of a group: list of root and worker. The same whether a StatefulSet or a Deployment makes it. */}}

{{- define "edge-agent.podTemplate" -}}
{{- $root := index . 0 -}}{{- $worker := index . 1 -}}{{- $v := $root.Values -}}
metadata:
  labels:
    {{- toYaml (merge (include "edge-agent.worker.selector" . | fromYaml) $worker.podLabels $v.labels) | nindent 4 }}
  annotations:
    # What an agent reads at its start makes new pods. The token it reads again.
    checksum/files: {{ include "edge-agent.files" $root | sha256sum }}
    {{- with merge (dict) $worker.podAnnotations $v.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "edge-agent.worker.serviceAccount" . | quote }}
  automountServiceAccountToken: {{ $v.serviceAccount.automountToken }}
  # Kubernetes would put a variable for each service of the namespace into the environment of the tasks.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ int $worker.terminationGracePeriodSeconds }}
  {{- if or $v.imagePullSecretName $v.imagePullSecretData }}
  imagePullSecrets:
    - name: {{ include "edge-agent.pullSecret" $root | quote }}
  {{- end }}
  {{- with $worker.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $worker.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    {{- include "edge-agent.container" . | nindent 4 }}
    {{- with $worker.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "edge-agent.volumes" . | nindent 4 }}
  {{- with include "edge-agent.placement" . }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "edge-agent.container" -}}
{{- $root := index . 0 -}}{{- $worker := index . 1 -}}{{- $v := $root.Values -}}
- name: agent
  image: {{ include "edge-agent.image" . | quote }}
  imagePullPolicy: {{ $v.image.pullPolicy }}
  {{- with $worker.command }}
  command: {{ toJson . }}
  {{- end }}
  # The image's entry point stays: it is the init that reaps what jobs leave behind.
  args: {{ toJson $worker.args }}
  env:
    {{- include "edge-agent.env" . | trim | nindent 4 }}
  {{- with $worker.envFrom }}
  envFrom:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $v.health.listen }}
  ports:
    - name: health
      containerPort: {{ int $v.health.port }}
  {{- end }}
  {{- range $probe, $asked := dict "startupProbe" "live" "livenessProbe" "live" "readinessProbe" "ready" }}
  {{- with get $worker $probe }}
  {{ $probe }}:
    {{- if not (or .exec .httpGet .tcpSocket .grpc) }}
    {{- if $v.health.listen }}
    httpGet: {path: /{{ $asked }}, port: health}
    {{- else }}
    exec: {command: [edge-agent, status, --{{ $asked }}]}
    {{- end }}
    {{- end }}
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- with $worker.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $worker.containerSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    {{- include "edge-agent.volumeMounts" . | nindent 4 }}
{{- end -}}

{{/* Where the pods go, and how they live there. */}}
{{- define "edge-agent.placement" -}}
{{- $worker := index . 1 -}}
{{- $all := dict -}}
{{- range $key := list "nodeSelector" "affinity" "tolerations" "priorityClassName" "runtimeClassName" "hostAliases" "dnsConfig" -}}
{{- with get $worker $key -}}{{- $_ := set $all $key . -}}{{- end -}}
{{- end -}}
{{- $constraints := list -}}
{{- $selector := dict "matchLabels" (include "edge-agent.worker.selector" . | fromYaml) -}}
{{- range $worker.topologySpreadConstraints -}}
{{- $constraints = append $constraints (ternary . (set (deepCopy .) "labelSelector" $selector) (hasKey . "labelSelector")) -}}
{{- end -}}
{{- with $constraints -}}{{- $_ := set $all "topologySpreadConstraints" . -}}{{- end -}}
{{- with $all -}}{{- toYaml . -}}{{- end -}}
{{- end -}}
