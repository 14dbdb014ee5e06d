{{/* The groups: each with all that it has, its own over the defaults. Helm's own merge would lose `false` and 0. */}}

{{/* Put the second map over the first, in place. */}}
{{- define "edge-agent.overlay" -}}
{{- $below := index . 0 -}}
{{- range $key, $value := index . 1 -}}
{{- if and (kindIs "map" $value) (kindIs "map" (get $below $key)) -}}
{{- include "edge-agent.overlay" (list (get $below $key) $value) -}}
{{- else if kindIs "invalid" $value -}}
{{- $_ := unset $below $key -}}
{{- else -}}
{{- $_ := set $below $key $value -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* As YAML, to be read with fromYaml: {workers: [...]}. */}}
{{- define "edge-agent.workers" -}}
{{- $all := list -}}
{{- range .Values.workers -}}
{{- $worker := deepCopy $.Values.workerDefaults -}}
{{- include "edge-agent.overlay" (list $worker .) -}}
{{- $_ := set $worker "replicas" (int $worker.replicas) -}}
{{- $all = append $all $worker -}}
{{- end -}}
{{- dict "workers" $all | toYaml -}}
{{- end -}}

{{/* Seconds to wait for running work. */}}
{{- define "edge-agent.drainTimeout" -}}
{{- if kindIs "invalid" .drainTimeoutSeconds -}}
{{- sub (int .terminationGracePeriodSeconds) 30 -}}
{{- else -}}
{{- int .drainTimeoutSeconds -}}
{{- end -}}
{{- end -}}
