{{/* What every pod is: a user without rights, no token of the cluster, no variables of other Services. */}}
{{- define "austausch.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  # The group that may read the Secret's files.
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- end }}

{{/* Image and security of every container; a dict of root and process. */}}
{{- define "austausch.container" -}}
image: "{{ .root.Values.image.registry }}/{{ .process.image }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}"
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  privileged: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities: {drop: [ALL]}
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* Variables of a process; a dict of root and process. What the operator sets comes last. */}}
{{- define "austausch.environment" -}}
{{- $process := .process }}
{{- $root := .root }}
{{- $variables := dict "LOG_LEVEL" $root.Values.logLevel "OTLP_ENDPOINT" $root.Values.otlpEndpoint }}
{{- range $setting, $key := $process.secrets }}
{{- $_ := set $variables (printf "%s_FILE" $setting) (printf "/etc/austausch/secrets/%s" $key) }}
{{- end }}
{{- range $setting, $key := $process.files }}
{{- $_ := set $variables $setting (printf "/etc/austausch/secrets/%s" $key) }}
{{- end }}
{{- range $process.calls }}
{{- $_ := set $variables (printf "%s_%s_ADDRESS" $process.prefix (upper .)) (printf "%s-%s:50051" (include "austausch.name" $root) .) }}
{{- end }}
{{- if $process.peers }}
{{- $_ := set $variables (printf "%s_PEERS_ADDRESS" $process.prefix) (printf "%s-%s:50051" (include "austausch.name" $root) (lower $process.prefix)) }}
{{- end }}
{{- range $name, $value := mergeOverwrite $variables $process.settings $process.values.settings }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{/* The secrets that a process reads, and no others; a dict of root and process. */}}
{{- define "austausch.secrets" -}}
secret:
  secretName: {{ .root.Values.secretName }}
  defaultMode: 0440
  items:
    {{- range concat (values .process.secrets) (values .process.files) | sortAlpha }}
    - {key: {{ . }}, path: {{ . }}}
    {{- end }}
{{- end }}

{{/* How much of its memory a process may use for temporary files; Compose has the same. */}}
{{- define "austausch.temporary" -}}
{{- /* What tells languages apart is unpacked there, 69 MB, when a process of the knowledge service starts. */ -}}
emptyDir: {medium: Memory, sizeLimit: {{ ternary "256Mi" "64Mi" (eq .image "knowledge") }}}
{{- end }}

{{/*
Probes of a process, by its name.

A process waits for its database and for the migration as long as it takes, before it serves: to start it anew would only
make it wait longer. It lives while it answers at all; it gets calls while what it works with answers, too. The gateway
gets requests whatever is away behind it: it says so better than an empty list of addresses would.
*/}}
{{- define "austausch.probes" -}}
{{- $alive := dict "grpc" (dict "port" 50051 "service" "") }}
{{- $ready := dict "grpc" (dict "port" 50051 "service" "ready") }}
{{- if eq . "gateway" }}
{{- $alive = dict "httpGet" (dict "path" "/healthz" "port" "http") }}
{{- $ready = $alive }}
{{- else if eq . "knowledge-worker" }}
{{- $alive = dict "httpGet" (dict "path" "/" "port" "metrics") }}
{{- $ready = $alive }}
{{- end -}}
startupProbe: {{ merge (dict "periodSeconds" 1 "timeoutSeconds" 5 "failureThreshold" 3600) $alive | toJson }}
livenessProbe: {{ merge (dict "periodSeconds" 10 "timeoutSeconds" 5 "failureThreshold" 6) $alive | toJson }}
readinessProbe: {{ merge (dict "periodSeconds" 2 "timeoutSeconds" 5 "failureThreshold" 2) $ready | toJson }}
{{- end }}
