{{/* Environment of the agent's container: what the chart sets, then commonEnv, then the group's. The later wins. */}}

{{/* A list of [name, value] pairs of the agent's own settings, as JSON: {pairs: [...]}. */}}
{{- define "edge-agent.settings" -}}
{{- $root := index . 0 -}}{{- $worker := index . 1 -}}{{- $v := $root.Values -}}
{{- $pairs := list (list "URL" $v.url) (list "QUEUES" (join "," $worker.queues)) (list "SLOTS" (int $worker.slots)) -}}
{{- $pairs = append $pairs (list "KINDS" (kindIs "string" $worker.kinds | ternary $worker.kinds (join "," $worker.kinds))) -}}
{{- $pairs = append $pairs (list "RUNNER" $worker.runner) -}}
{{- $facts := list -}}
{{- range $name, $value := $worker.capabilities -}}{{- $facts = append $facts (printf "%s=%s" $name (include "edge-agent.plain" $value)) -}}{{- end -}}
{{- with $facts -}}{{- $pairs = append $pairs (list "CAPABILITIES" (join "," .)) -}}{{- end -}}
{{- $pairs = append $pairs (list "STATE_DIR" "/var/lib/edge-agent/state") -}}
{{- $pairs = append $pairs (list "TOKEN_FILE" ($v.agentTokenFile | default "/etc/edge-agent/token/token")) -}}
{{- with $v.serverKey -}}{{- $pairs = append $pairs (list "SERVER_KEY" .) -}}{{- end -}}
{{- range (include "edge-agent.files" $root | fromJson).files -}}
{{- $setting := get (dict "policy" "POLICY_FILE" "agent-config" "CONFIG" "ca-bundle" "CA_FILE") .name -}}
{{- if $setting -}}{{- $pairs = append $pairs (list $setting .path) -}}{{- end -}}
{{- end -}}
{{- if $v.clientCertificateSecretName -}}
{{- $pairs = append $pairs (list "CLIENT_CERT_FILE" "/etc/edge-agent/client-certificate/tls.crt") -}}
{{- $pairs = append $pairs (list "CLIENT_KEY_FILE" "/etc/edge-agent/client-certificate/tls.key") -}}
{{- end -}}
{{- $pairs = append $pairs (list "DRAIN_TIMEOUT_SECONDS" (include "edge-agent.drainTimeout" $worker)) -}}
{{- $pairs = append $pairs (list "LOG_LEVEL" $v.logging.level) -}}
{{- $pairs = append $pairs (list "LOG_FORMAT" $v.logging.format) -}}
{{- if ne $v.logging.taskLogs "push" -}}{{- $pairs = append $pairs (list "TASK_LOGS" $v.logging.taskLogs) -}}{{- end -}}
{{- if $v.health.listen -}}
{{- $pairs = append $pairs (list "HEALTH_ADDRESS" (printf "%s:%d" $v.health.host (int $v.health.port))) -}}
{{- end -}}
{{- if $v.metrics.enabled -}}{{- $pairs = append $pairs (list "METRICS" "true") -}}{{- end -}}
{{- dict "pairs" $pairs | toJson -}}
{{- end -}}

{{/* The same for Airflow, whose tasks inherit it. */}}
{{- define "edge-agent.airflow" -}}
{{- $v := .Values -}}
{{- $pairs := list -}}
{{- with $v.secretBackend.class -}}{{- $pairs = append $pairs (list "WORKERS__SECRETS_BACKEND" .) -}}{{- end -}}
{{- with $v.secretBackend.kwargs -}}{{- $pairs = append $pairs (list "WORKERS__SECRETS_BACKEND_KWARGS" (toJson .)) -}}{{- end -}}
{{- with $v.xcomBackend.class -}}{{- $pairs = append $pairs (list "CORE__XCOM_BACKEND" .) -}}{{- end -}}
{{- with $v.xcomBackend.objectStoragePath -}}{{- $pairs = append $pairs (list "COMMON_IO__XCOM_OBJECTSTORAGE_PATH" .) -}}{{- end -}}
{{- if not (kindIs "invalid" $v.xcomBackend.threshold) -}}
{{- $pairs = append $pairs (list "COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD" (int $v.xcomBackend.threshold)) -}}
{{- end -}}
{{- with $v.xcomBackend.compression -}}{{- $pairs = append $pairs (list "COMMON_IO__XCOM_OBJECTSTORAGE_COMPRESSION" .) -}}{{- end -}}
{{- with $v.stateStoreBackend.class -}}{{- $pairs = append $pairs (list "WORKERS__STATE_STORE_BACKEND" .) -}}{{- end -}}
{{- with $v.stateStoreBackend.objectStoragePath -}}{{- $pairs = append $pairs (list "COMMON_IO__STATE_STORE_OBJECTSTORAGE_PATH" .) -}}{{- end -}}
{{- with $v.dagBundleConfigList -}}
{{- $pairs = append $pairs (list "DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST" (kindIs "string" . | ternary . (toJson .))) -}}
{{- end -}}
{{- if eq $v.logging.taskLogs "store" -}}
{{- $pairs = append $pairs (list "LOGGING__REMOTE_LOGGING" "True") -}}
{{- $pairs = append $pairs (list "LOGGING__REMOTE_BASE_LOG_FOLDER" $v.logging.remoteBaseLogFolder) -}}
{{- with $v.logging.remoteLogConnId -}}{{- $pairs = append $pairs (list "LOGGING__REMOTE_LOG_CONN_ID" .) -}}{{- end -}}
{{- end -}}
{{- with $v.openLineage -}}{{- if and .enabled .namespace -}}
{{- $pairs = append $pairs (list "OPENLINEAGE__NAMESPACE" .namespace) -}}
{{- end -}}{{- end -}}
{{- dict "pairs" $pairs | toJson -}}
{{- end -}}

{{/* What comes out of Secrets, as a list of EnvVar in YAML. */}}
{{- define "edge-agent.secretEnv" -}}
{{- with .Values.proxy.secretName }}
- name: EDGE_AGENT_PROXY
  valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: {{ $.Values.proxy.secretKey | quote }}}}
{{- end }}
{{- with .Values.secretBackend.kwargsSecretName }}
- name: AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS
  valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: {{ $.Values.secretBackend.kwargsSecretKey | quote }}}}
{{- end }}
{{- with .Values.openLineage }}
{{- if and .enabled (or .apiKey .apiKeySecretName) }}
- name: OPENLINEAGE_API_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .apiKeySecretName | default (printf "%s-openlineage" (include "edge-agent.fullname" $)) | quote }}
      key: {{ ternary .apiKeySecretKey "apiKey" (ne .apiKeySecretName "") | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A value as its text. Helm's numbers are floating, and would be written 1e+06. */}}
{{- define "edge-agent.plain" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}{{- int64 . -}}{{- else -}}{{- . -}}{{- end -}}
{{- end -}}

{{- define "edge-agent.env" -}}
{{- $root := index . 0 -}}{{- $worker := index . 1 -}}
{{- $env := list (dict "name" "EDGE_AGENT_NAME" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.name"))) -}}
{{- range (include "edge-agent.settings" . | fromJson).pairs -}}
{{- $env = append $env (dict "name" (printf "EDGE_AGENT_%s" (index . 0)) "value" (toString (index . 1))) -}}
{{- end -}}
{{- $settings := deepCopy $root.Values.settings -}}
{{- include "edge-agent.overlay" (list $settings $worker.settings) -}}
{{- range $name, $value := $settings -}}
{{- $env = append $env (dict "name" (printf "EDGE_AGENT_%s" (upper $name)) "value" (include "edge-agent.plain" $value)) -}}
{{- end -}}
{{- $env = concat $env (list (dict "name" "HOME" "value" "/home/edge-agent") (dict "name" "AIRFLOW_HOME" "value" "/home/edge-agent/airflow")) -}}
{{- range (include "edge-agent.airflow" $root | fromJson).pairs -}}
{{- $env = append $env (dict "name" (printf "AIRFLOW__%s" (index . 0)) "value" (toString (index . 1))) -}}
{{- end -}}
{{- if or $root.Values.constraints.text $root.Values.constraints.configMapName -}}
{{- range list "PIP_CONSTRAINT" "UV_CONSTRAINT" -}}
{{- $env = append $env (dict "name" . "value" "/etc/edge-agent/constraints.txt") -}}
{{- end -}}
{{- end -}}
{{- with $root.Values.openLineage -}}{{- if .enabled -}}
{{- $env = append $env (dict "name" "OPENLINEAGE_URL" "value" .url) -}}
{{- with .endpoint -}}{{- $env = append $env (dict "name" "OPENLINEAGE_ENDPOINT" "value" .) -}}{{- end -}}
{{- end -}}{{- end -}}
{{- $env = concat $env (include "edge-agent.secretEnv" $root | fromYamlArray) ($root.Values.commonEnv | default list) ($worker.env | default list) -}}
{{- $last := dict -}}
{{- range $env -}}{{- $_ := set $last .name . -}}{{- end -}}
{{- $seen := dict -}}
{{- range $env -}}
{{- if not (hasKey $seen .name) }}
{{ toYaml (list (get $last .name)) }}
{{- $_ := set $seen .name true -}}
{{- end -}}
{{- end -}}
{{- end -}}
