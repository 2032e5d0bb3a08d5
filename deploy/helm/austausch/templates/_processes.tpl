{{/*
The processes: what is the same in every installation. deploy/compose.yaml says the same for Compose.

  image     of REGISTRY/<image>
  command   none: what the image runs
  prefix    of its settings
  secrets   setting → key of the Secret that holds its value
  files     setting → key of the Secret that is the file itself
  calls     processes that it calls
  peers     whether its replicas call one another
  needs     servers that it connects to: names below .Values.network
  settings  setting → value
*/}}
{{- define "austausch.processes" -}}
exchange:
  image: exchange
  prefix: EXCHANGE
  secrets: {EXCHANGE_DATABASE_URL: exchange-database-url, NATS_URL: nats-url}
  files: {IDENTITY_TRUSTED_KEYS: trusted-keys.json}
  calls: []
  needs: [postgres, nats, calendars]
  settings: {EXCHANGE_HOME_CITY: {{ .Values.homeCity | quote }}, NATS_REPLICAS: {{ .Values.natsReplicas | quote }}}
forum:
  image: forum
  prefix: FORUM
  secrets: {FORUM_DATABASE_URL: forum-database-url, FORUM_SIGNING_KEY: forum-key.pem, NATS_URL: nats-url}
  files: {IDENTITY_TRUSTED_KEYS: trusted-keys.json}
  calls: [exchange]
  needs: [postgres, nats]
  settings: {NATS_REPLICAS: {{ .Values.natsReplicas | quote }}}
knowledge:
  image: knowledge
  prefix: KNOWLEDGE
  secrets:
    KNOWLEDGE_DATABASE_URL: knowledge-database-url
    KNOWLEDGE_SIGNING_KEY: knowledge-key.pem
    NATS_URL: nats-url
    {{- if .Values.knowledge.settings.KNOWLEDGE_HUB_URL }}
    KNOWLEDGE_HUB_SIGNING_KEY: hub-key.pem
    {{- end }}
  files: {IDENTITY_TRUSTED_KEYS: trusted-keys.json}
  calls: [exchange, forum]
  peers: true
  needs: [postgres, nats, hub]
  settings: {{ include "austausch.knowledge-settings" . }}
knowledge-worker:
  image: knowledge
  command: [python, -m, services.knowledge, work]
  prefix: KNOWLEDGE
  secrets: {KNOWLEDGE_DATABASE_URL: knowledge-database-url, KNOWLEDGE_SIGNING_KEY: knowledge-key.pem, NATS_URL: nats-url}
  files: {IDENTITY_TRUSTED_KEYS: trusted-keys.json}
  calls: [exchange, forum]
  needs: [postgres, nats]
  settings: {{ include "austausch.knowledge-settings" . }}
gateway:
  image: gateway
  prefix: GATEWAY
  secrets: {GATEWAY_DATABASE_URL: gateway-database-url, GATEWAY_SIGNING_KEY: gateway-key.pem, GATEWAY_SECRET_KEY: secret-key}
  files: {}
  calls: [exchange, forum, knowledge]
  needs: [postgres]
  settings:
    GATEWAY_HOME_CITY: {{ .Values.homeCity | quote }}
    GATEWAY_HOME_TIME_ZONE: {{ .Values.homeTimeZone | quote }}
    GATEWAY_SECURE_COOKIES: "true"
    GATEWAY_TRUSTED_PROXIES: "1"
{{- end }}

{{/* Settings of the knowledge service and of its workers: where the language models are mounted. */}}
{{- define "austausch.knowledge-settings" -}}
{
  NATS_REPLICAS: {{ .Values.natsReplicas | quote }},
  KNOWLEDGE_MODEL_PATH: {{ ternary "/var/lib/austausch/model" "" (not (empty .Values.model)) | quote }},
  KNOWLEDGE_FORMER_MODEL_PATH: {{ ternary "/var/lib/austausch/former-model" "" (not (empty .Values.formerModel)) | quote }}
}
{{- end }}

{{/* The processes that run in this installation, each with what values.yaml says of it under `values`. */}}
{{- define "austausch.running" -}}
{{- $processes := dict }}
{{- range $name, $process := include "austausch.processes" . | fromYaml }}
{{- $key := ternary "knowledgeWorker" $name (eq $name "knowledge-worker") }}
{{- $values := index $.Values $key }}
{{- if lt (int $values.maxReplicas) (int $values.replicas) }}
{{- $said := printf "%s.maxReplicas is %d, and %s.replicas %d" $key (int $values.maxReplicas) $key (int $values.replicas) }}
{{- fail (printf "%s: give maxReplicas the same number, or a larger one" $said) }}
{{- end }}
{{- if gt (int $values.replicas) 0 }}
{{- $_ := set $processes $name (merge (dict "values" $values) $process) }}
{{- end }}
{{- end }}
{{- toYaml $processes }}
{{- end }}

{{/* What the operator's command is told: as a process above. */}}
{{- define "austausch.operator" -}}
image: operator
prefix: GATEWAY
secrets:
  EXCHANGE_DATABASE_URL: exchange-database-url
  FORUM_DATABASE_URL: forum-database-url
  KNOWLEDGE_DATABASE_URL: knowledge-database-url
  GATEWAY_DATABASE_URL: gateway-database-url
  GATEWAY_SIGNING_KEY: gateway-key.pem
  FORUM_SIGNING_KEY: forum-key.pem
  KNOWLEDGE_SIGNING_KEY: knowledge-key.pem
  NATS_URL: nats-url
files: {IDENTITY_TRUSTED_KEYS: trusted-keys.json}
calls: [exchange, forum, knowledge]
needs: [postgres, nats]
settings:
  PLATFORM_URL: http://{{ include "austausch.name" . }}-gateway
  EXCHANGE_HOME_CITY: {{ .Values.homeCity | quote }}
  GATEWAY_HOME_CITY: {{ .Values.homeCity | quote }}
  GATEWAY_HOME_TIME_ZONE: {{ .Values.homeTimeZone | quote }}
values: {settings: {}}
{{- end }}

{{/* Labels by which the pods of a component are found; a dict of root and component. */}}
{{- define "austausch.selector" -}}
app.kubernetes.io/name: austausch
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Labels of everything that belongs to a component. */}}
{{- define "austausch.labels" -}}
{{ include "austausch.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/*
What names of objects begin with: that of the release, so short that the longest, with -migrate-knowledge, has the 63
characters that a name may have.
*/}}
{{- define "austausch.name" -}}
{{ .Release.Name | trunc 45 | trimSuffix "-" }}
{{- end }}
