{{/* What cannot work is refused, with the value that is wrong and what to set instead. Each has a test. */}}

{{- define "edge-agent.validations" -}}
{{- include "edge-agent.validate.connection" . -}}
{{- include "edge-agent.validate.names" . -}}
{{- include "edge-agent.validate.files" . -}}
{{- include "edge-agent.validate.backends" . -}}
{{- include "edge-agent.validate.metrics" . -}}
{{- include "edge-agent.validate.settings" (list . .Values.settings "settings") -}}
{{- include "edge-agent.validate.env" (list . .Values.commonEnv "commonEnv") -}}
{{- range (include "edge-agent.workers" . | fromYaml).workers -}}
{{- include "edge-agent.validate.worker" (list $ .) -}}
{{- end -}}
{{- end -}}

{{- define "edge-agent.validate.connection" -}}
{{- $v := .Values -}}
{{- if not $v.url -}}
{{- fail "url is not set: the address of Airflow's API server as the pods see it, such as https://airflow.example.com" -}}
{{- end -}}
{{- if not (regexMatch `^https?://[^/\s]+` $v.url) -}}
{{- fail (printf "url is %s, which is no address of an API server: it must look like https://airflow.example.com" $v.url) -}}
{{- end -}}
{{- $tokens := list -}}
{{- range list "agentToken" "agentTokenSecretName" "agentTokenFile" -}}
{{- if get $v . -}}{{- $tokens = append $tokens . -}}{{- end -}}
{{- end -}}
{{- if not $tokens -}}
{{- fail "No agent token: set agentTokenSecretName to the name of a Secret that holds one under the key `token`. An admin creates a token with: airflow edge-agent tokens create NAME. The Secret: kubectl create secret generic edge-agent-token --from-file=token. Other ways: agentTokenFile, or agentToken for a first try" -}}
{{- end -}}
{{- if gt (len $tokens) 1 -}}
{{- fail (printf "%s are both set, and an agent has one token: leave all but one out" (join " and " $tokens)) -}}
{{- end -}}
{{- if and $v.imagePullSecretName $v.imagePullSecretData -}}
{{- fail (printf "imagePullSecretName (%s) and imagePullSecretData are both set: leave one out" $v.imagePullSecretName) -}}
{{- end -}}
{{- with $v.imagePullSecretData -}}
{{- $text := hasPrefix "{" (trim .) | ternary . (b64dec (regexReplaceAll `\s` . "")) -}}
{{- if not (hasKey (fromJson $text) "auths") -}}
{{- fail "imagePullSecretData is no Docker configuration: it must be JSON with the key `auths`, or that in base64, such as: base64 -w0 ~/.docker/config.json" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "edge-agent.validate.names" -}}
{{- $v := .Values -}}
{{- if and $v.createNamespace (not $v.namespace) -}}
{{- fail "createNamespace is true and namespace is empty: set namespace to the one to make, or use `helm install --create-namespace`" -}}
{{- end -}}
{{- if not $v.workers -}}
{{- fail "workers is empty: name at least one group, such as [{name: default, queues: [default]}]" -}}
{{- end -}}
{{- $seen := dict -}}
{{- range $v.workers -}}
{{- if hasKey $seen .name -}}
{{- fail (printf "workers: %q is there twice; each group needs a name of its own" .name) -}}
{{- end -}}
{{- $_ := set $seen .name true -}}
{{- $name := include "edge-agent.worker.name" (list $ .) -}}
{{- if not (regexMatch "^[a-z][a-z0-9-]*$" $name) -}}
{{- fail (printf "workers: %q can be no name of a Service, which begins with a letter and goes on with small letters, digits and '-': set resourceNamePrefix to something else than %q" $name (include "edge-agent.fullname" $)) -}}
{{- end -}}
{{- if gt (len $name) 52 -}}
{{- fail (printf "workers: %q has %d letters, and Kubernetes needs 11 of 63 for itself: set a shorter resourceNamePrefix than %q, or a shorter name than %q" $name (len $name) (include "edge-agent.fullname" $) .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "edge-agent.validate.files" -}}
{{- $v := .Values -}}
{{- range list (list "policy" "toml") (list "agentConfig" "toml") (list "caBundle" "pem") (list "constraints" "text") -}}
{{- $value := get $v (index . 0) -}}
{{- if and (get $value (index . 1)) $value.configMapName -}}
{{- fail (printf "%s.%s and %s.configMapName (%s) are both set: leave one out" (index . 0) (index . 1) (index . 0) $value.configMapName) -}}
{{- end -}}
{{- end -}}
{{- range list "token" "proxy" -}}
{{- if regexMatch (printf `(?m)^\s*%s\s*=` .) $v.agentConfig.toml -}}
{{- fail (printf "agentConfig.toml sets %s, which everybody who may read ConfigMaps would see: use %s" . (get (dict "token" "agentTokenSecretName" "proxy" "proxy.secretName") .)) -}}
{{- end -}}
{{- end -}}
{{- if and $v.caBundle.pem (not (contains "-----BEGIN CERTIFICATE-----" $v.caBundle.pem)) -}}
{{- fail "caBundle.pem holds no certificate: it must be PEM, which begins with -----BEGIN CERTIFICATE-----" -}}
{{- end -}}
{{- if contains "PRIVATE KEY-----" $v.caBundle.pem -}}
{{- fail "caBundle.pem holds a private key: only certificates belong there; for one of the agents' own set clientCertificateSecretName" -}}
{{- end -}}
{{- end -}}

{{- define "edge-agent.validate.backends" -}}
{{- $v := .Values -}}
{{- if and $v.secretBackend.kwargs $v.secretBackend.kwargsSecretName -}}
{{- fail (printf "secretBackend.kwargs and secretBackend.kwargsSecretName (%s) are both set: leave one out" $v.secretBackend.kwargsSecretName) -}}
{{- end -}}
{{- if and (or $v.secretBackend.kwargs $v.secretBackend.kwargsSecretName) (not $v.secretBackend.class) -}}
{{- fail "secretBackend has arguments and no class: set secretBackend.class, such as airflow.secrets.local_filesystem.LocalFilesystemBackend" -}}
{{- end -}}
{{- range $name, $_ := $v.secretBackend.kwargs -}}
{{- if regexMatch `(?i)(password|secret_id|secret_key|token|api_key)$` $name -}}
{{- fail (printf "secretBackend.kwargs.%s would stand in the clear in every pod: put the arguments as JSON into a Secret and name it in secretBackend.kwargsSecretName" $name) -}}
{{- end -}}
{{- end -}}
{{- if and $v.xcomBackend.objectStoragePath (not $v.xcomBackend.class) -}}
{{- fail (printf "xcomBackend.objectStoragePath is %s and xcomBackend.class is empty: set it to airflow.providers.common.io.xcom.backend.XComObjectStorageBackend" $v.xcomBackend.objectStoragePath) -}}
{{- end -}}
{{- if kindIs "string" $v.dagBundleConfigList -}}
{{- if not (kindIs "slice" (fromYaml (printf "list: %s" $v.dagBundleConfigList)).list) -}}
{{- fail (printf "dagBundleConfigList is no JSON list: %s. Write it as [{\"name\": ..., \"classpath\": ..., \"kwargs\": {...}}], or as YAML" $v.dagBundleConfigList) -}}
{{- end -}}
{{- end -}}
{{- if and $v.openLineage.enabled (not $v.openLineage.url) -}}
{{- fail "openLineage.enabled is true and openLineage.url is empty: set it to the address of the collector" -}}
{{- end -}}
{{- if and $v.openLineage.apiKey $v.openLineage.apiKeySecretName -}}
{{- fail (printf "openLineage.apiKey and openLineage.apiKeySecretName (%s) are both set: leave one out" $v.openLineage.apiKeySecretName) -}}
{{- end -}}
{{- if and (eq $v.logging.taskLogs "store") (not $v.logging.remoteBaseLogFolder) -}}
{{- fail "logging.taskLogs is store and logging.remoteBaseLogFolder is empty: set it to where the logs go, such as s3://bucket/logs" -}}
{{- end -}}
{{- if and (ne $v.logging.taskLogs "store") $v.logging.remoteBaseLogFolder -}}
{{- fail (printf "logging.remoteBaseLogFolder is %s and logging.taskLogs is %s: set logging.taskLogs to store, or leave the folder out" $v.logging.remoteBaseLogFolder $v.logging.taskLogs) -}}
{{- end -}}
{{- end -}}

{{- define "edge-agent.validate.metrics" -}}
{{- $v := .Values -}}
{{- if and $v.metrics.enabled (not $v.health.listen) -}}
{{- fail "metrics.enabled is true and health.listen is false: metrics are served at the port for health, so set health.listen to true" -}}
{{- end -}}
{{- if and $v.metrics.serviceMonitor.enabled (not $v.metrics.enabled) -}}
{{- fail "metrics.serviceMonitor.enabled is true and metrics.enabled is false: there would be nothing to scrape; set metrics.enabled to true" -}}
{{- end -}}
{{- if and $v.metrics.enabled $v.networkPolicy.enabled (not $v.networkPolicy.metricsFrom) -}}
{{- fail "metrics.enabled is true and networkPolicy lets nobody in: say who may scrape in networkPolicy.metricsFrom, such as [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]; or set networkPolicy.enabled to false" -}}
{{- end -}}
{{- if and $v.networkPolicy.metricsFrom (not $v.health.listen) -}}
{{- fail "networkPolicy.metricsFrom lets somebody in and health.listen is false: nothing would answer; set health.listen to true, or leave metricsFrom out" -}}
{{- end -}}
{{- end -}}

{{/* Settings by name. root, map, where it stands. */}}
{{- define "edge-agent.validate.settings" -}}
{{- $where := index . 2 -}}
{{- $known := (index . 0).Files.Lines "files/settings.txt" -}}
{{- range $name, $_ := index . 1 -}}
{{- $own := get (include "edge-agent.own" dict | fromYaml) $name -}}
{{- if $own -}}
{{- fail (printf "%s.%s: the chart sets that itself; use %s" $where $name $own) -}}
{{- end -}}
{{- if not (has $name $known) -}}
{{- fail (printf "%s.%s is no setting of the agent; all are in docs/reference/agent-settings.md, written in small letters here" $where $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The settings that the chart sets itself, and by which value. */}}
{{- define "edge-agent.own" -}}
url: url
name: resourceNamePrefix and workers[].name, which make the pod's name
token: agentTokenSecretName
token_file: agentTokenFile
queues: workers[].queues
slots: workers[].slots
kinds: workers[].kinds
runner: workers[].runner
capabilities: workers[].capabilities
state_dir: workers[].persistence
policy_file: policy
server_key: serverKey
ca_file: caBundle
client_cert_file: clientCertificateSecretName
client_key_file: clientCertificateSecretName
proxy: proxy.secretName
drain_timeout_seconds: workers[].terminationGracePeriodSeconds
log_level: logging.level
log_format: logging.format
task_logs: logging.taskLogs
health_address: health
metrics: metrics.enabled
config: agentConfig
{{- end -}}

{{/* Environment. root, list, where it stands. */}}
{{- define "edge-agent.validate.env" -}}
{{- $where := index . 2 -}}
{{- $known := (index . 0).Files.Lines "files/settings.txt" -}}
{{- $own := include "edge-agent.own" dict | fromYaml -}}
{{- range index . 1 -}}
{{- $name := .name | default "" -}}
{{- if has $name (list "AIRFLOW__API_AUTH__JWT_SECRET" "AIRFLOW__CORE__FERNET_KEY" "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" "AIRFLOW__API__SECRET_KEY") -}}
{{- fail (printf "%s sets %s: an agent needs no secret of the server, and must not have one; leave it out" $where $name) -}}
{{- end -}}
{{- if hasPrefix "EDGE_AGENT_" $name -}}
{{- $setting := trimPrefix "EDGE_AGENT_" $name | lower -}}
{{- with get $own $setting -}}
{{- fail (printf "%s sets %s: the chart sets that itself; use %s" $where $name .) -}}
{{- end -}}
{{- if not (has $setting $known) -}}
{{- fail (printf "%s sets %s, which is no setting of the agent; all are in docs/reference/agent-settings.md" $where $name) -}}
{{- end -}}
{{- end -}}
{{- if and .value (or (hasPrefix "AIRFLOW_CONN_" $name) (regexMatch `(PASSWORD|SECRET|SECRET_ACCESS_KEY|TOKEN|API_KEY)$` $name)) -}}
{{- fail (printf "%s sets %s in the clear, where everybody who may read pods sees it: put it into a Secret, and write valueFrom: {secretKeyRef: {name: ..., key: ...}} instead of value" $where $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A group: list of root and worker. */}}
{{- define "edge-agent.validate.worker" -}}
{{- $root := index . 0 -}}{{- $worker := index . 1 -}}
{{- $where := printf "workers[%s]" $worker.name -}}
{{- if not $worker.queues -}}
{{- fail (printf "%s serves no queue: set its queues, such as [default]" $where) -}}
{{- end -}}
{{- if not (or $worker.image.repository $root.Values.image.repository) -}}
{{- fail "image.repository is not set: there is no public image; build yours with helm/image/Dockerfile and name it, such as registry.example.com/edge-agent" -}}
{{- end -}}
{{- $grace := int $worker.terminationGracePeriodSeconds -}}
{{- if gt (int (include "edge-agent.drainTimeout" $worker)) (sub $grace 30) -}}
{{- fail (printf "%s: drainTimeoutSeconds is %d, and a pod has only %d seconds (terminationGracePeriodSeconds) to end: set it to %d or less, or give the pod %d seconds" $where (int $worker.drainTimeoutSeconds) $grace (sub $grace 30) (add (int $worker.drainTimeoutSeconds) 30)) -}}
{{- end -}}
{{- if and $worker.persistence.enabled ($worker.podSecurityContext).fsGroup (ne (toString $worker.podSecurityContext.fsGroupChangePolicy) "OnRootMismatch") -}}
{{- fail (printf "%s: podSecurityContext.fsGroupChangePolicy is %v: each start would then open the agent's key on its volume to the group, and the agent would not start again; set it to OnRootMismatch" $where $worker.podSecurityContext.fsGroupChangePolicy) -}}
{{- end -}}
{{- include "edge-agent.validate.scaling" . -}}
{{- include "edge-agent.validate.settings" (list $root $worker.settings (printf "%s.settings" $where)) -}}
{{- include "edge-agent.validate.env" (list $root $worker.env (printf "%s.env" $where)) -}}
{{- end -}}

{{- define "edge-agent.validate.scaling" -}}
{{- $worker := index . 1 -}}{{- $auto := $worker.autoscaling -}}{{- $budget := $worker.podDisruptionBudget -}}
{{- $where := printf "workers[%s]" $worker.name -}}
{{- if $auto.enabled -}}
{{- if gt (int $auto.minReplicas) (int $auto.maxReplicas) -}}
{{- fail (printf "%s: autoscaling.minReplicas (%d) is more than maxReplicas (%d)" $where (int $auto.minReplicas) (int $auto.maxReplicas)) -}}
{{- end -}}
{{- if not (or $auto.targetCPUUtilizationPercentage $auto.metrics) -}}
{{- fail (printf "%s: autoscaling.enabled is true, and there is nothing to decide by: set targetCPUUtilizationPercentage or metrics" $where) -}}
{{- end -}}
{{- if and $auto.targetCPUUtilizationPercentage (not (dig "requests" "cpu" "" ($worker.resources | default dict))) -}}
{{- fail (printf "%s: autoscaling.targetCPUUtilizationPercentage is a share of what is requested: set resources.requests.cpu" $where) -}}
{{- end -}}
{{- end -}}
{{- if $budget.enabled -}}
{{- if and (not (kindIs "invalid" $budget.minAvailable)) (not (kindIs "invalid" $budget.maxUnavailable)) -}}
{{- fail (printf "%s: podDisruptionBudget has minAvailable (%v) and maxUnavailable (%v), and Kubernetes takes one: set the other to null" $where $budget.minAvailable $budget.maxUnavailable) -}}
{{- end -}}
{{- if and (kindIs "invalid" $budget.minAvailable) (kindIs "invalid" $budget.maxUnavailable) -}}
{{- fail (printf "%s: podDisruptionBudget has neither minAvailable nor maxUnavailable: set one, or enabled to false" $where) -}}
{{- end -}}
{{- end -}}
{{- end -}}
