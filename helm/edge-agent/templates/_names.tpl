{{/* What everything is called and labelled. Names are quoted: YAML reads `on` and `1e3` as something else. */}}

{{- define "edge-agent.fullname" -}}
{{- if .Values.resourceNamePrefix -}}
{{- .Values.resourceNamePrefix -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "edge-agent.namespace" -}}
{{- .Values.namespace | default .Release.Namespace -}}
{{- end -}}

{{/* Name of a group: list of root and worker. */}}
{{- define "edge-agent.worker.name" -}}
{{- $root := index . 0 -}}{{- $worker := index . 1 -}}
{{- printf "%s-%s" (include "edge-agent.fullname" $root) $worker.name -}}
{{- end -}}

{{/* By what the pods are found; never to be changed, Kubernetes does not let it. */}}
{{- define "edge-agent.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "edge-agent.worker.selector" -}}
{{ include "edge-agent.selector" (index . 0) }}
app.kubernetes.io/component: {{ (index . 1).name | quote }}
{{- end -}}

{{/* Metadata of an object. root, name; worker, annotations and labels where it has some of its own. */}}
{{- define "edge-agent.metadata" -}}
{{- $root := .root -}}
{{- $labels := include "edge-agent.selector" $root | fromYaml -}}
{{- with .worker -}}{{- $_ := set $labels "app.kubernetes.io/component" .name -}}{{- end -}}
{{- $_ := set $labels "app.kubernetes.io/version" $root.Chart.AppVersion -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version) -}}
name: {{ .name | quote }}
{{- if not .clusterWide }}
namespace: {{ include "edge-agent.namespace" $root | quote }}
{{- end }}
labels:
  {{- toYaml (merge $labels (.labels | default dict) $root.Values.labels) | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) $root.Values.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Service account of a group: list of root and worker. */}}
{{- define "edge-agent.worker.serviceAccount" -}}
{{- $root := index . 0 -}}{{- $worker := index . 1 -}}
{{- $own := $worker.serviceAccount -}}
{{- if $own.create -}}
{{- $own.name | default (include "edge-agent.worker.name" .) -}}
{{- else if $own.name -}}
{{- $own.name -}}
{{- else -}}
{{- include "edge-agent.serviceAccount" $root -}}
{{- end -}}
{{- end -}}

{{- define "edge-agent.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "edge-agent.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "edge-agent.tokenSecret" -}}
{{- .Values.agentTokenSecretName | default (printf "%s-token" (include "edge-agent.fullname" .)) -}}
{{- end -}}

{{- define "edge-agent.pullSecret" -}}
{{- .Values.imagePullSecretName | default (printf "%s-pull" (include "edge-agent.fullname" .)) -}}
{{- end -}}

{{/* Image of a group: list of root and worker. A group that names a repository takes nothing from the common image. */}}
{{- define "edge-agent.image" -}}
{{- $root := index . 0 -}}{{- $own := (index . 1).image -}}
{{- $common := $root.Values.image -}}
{{- $repository := $own.repository | default $common.repository -}}
{{- $tag := $own.tag | default (ternary "" $common.tag (ne $own.repository "")) | default $root.Chart.AppVersion -}}
{{- $digest := $own.digest -}}
{{- if and (not $digest) (not $own.repository) (not $own.tag) -}}{{- $digest = $common.digest -}}{{- end -}}
{{- if $digest -}}{{ $repository }}@{{ $digest }}{{- else -}}{{ $repository }}:{{ $tag }}{{- end -}}
{{- end -}}
