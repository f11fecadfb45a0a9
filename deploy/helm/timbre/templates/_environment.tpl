{{/* Settings that are no secrets, for all of our processes: docs/settings.md has their meanings. */}}
{{- define "timbre.settings" -}}
{{- $store := .Values.objectStore -}}
{{- $ports := include "timbre.ports" . | fromJson -}}
{{- $external := eq $store.type "external" -}}
{{- $inside := printf "http://%s-object-store:%v" (include "timbre.fullname" .) $ports.store -}}
{{- $settings := dict
  "S3_ENDPOINT" (ternary $store.endpoint $inside $external)
  "S3_BUCKET" $store.bucket
  "S3_REGION" $store.region
  "S3_ENCRYPTION" $store.encryption
  "REQUIRE_AUTH" (toString .Values.auth.required)
  "METRICS_HOST" "0.0.0.0"
-}}
{{- $public := $store.publicEndpoint -}}
{{- if and (not $public) (not $external) $store.ingress.enabled -}}
{{- $public = printf "https://%s" $store.ingress.host -}}
{{- end -}}
{{- with $public }}{{ $_ := set $settings "S3_PUBLIC_ENDPOINT" . }}{{ end -}}
{{- with $store.kmsKeyId }}{{ $_ := set $settings "S3_KMS_KEY_ID" . }}{{ end -}}
{{- with .Values.cdn.baseUrl }}{{ $_ := set $settings "PUBLIC_AUDIO_BASE_URL" . }}{{ end -}}
{{- if not .Values.auth.required }}{{ $_ := set $settings "ALLOW_ANONYMOUS" "true" }}{{ end -}}
{{- toJson $settings -}}
{{- end -}}

{{/*
A process's environment. Takes (list $ settings-of-the-process secrets-it-needs secrets-it-may-have).
Numbers are written as digits: YAML makes floats of them, and a float prints with an exponent.
*/}}
{{- define "timbre.environment" -}}
{{- $root := index . 0 -}}
{{- $settings := include "timbre.settings" $root | fromJson -}}
{{- range $one := list $root.Values.settings (index . 1) -}}
{{- range $name, $value := $one }}{{ $_ := set $settings $name (ternary (printf "%v" $value) (include "timbre.number" $value) (kindIs "string" $value)) }}{{ end -}}
{{- end -}}
env:
  {{- range $name, $value := $settings }}
  - name: {{ $name }}
    value: {{ $value | quote }}
  {{- end }}
  {{- range $name := index . 2 }}
  - name: {{ $name }}
    valueFrom: {secretKeyRef: {name: {{ include "timbre.secretName" $root }}, key: {{ $name }}}}
  {{- end }}
  {{- range $name := index . 3 }}
  - name: {{ $name }}
    valueFrom: {secretKeyRef: {name: {{ include "timbre.secretName" $root }}, key: {{ $name }}, optional: true}}
  {{- end }}
  {{- with $root.Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "timbre.number" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- end -}}

{{/* Secrets that every process of ours needs. */}}
{{- define "timbre.neededSecrets" -}}
{{- concat (list "REDIS_URL" "S3_ACCESS_KEY" "S3_SECRET_KEY") (ternary (list "BROKER_URL") list (eq .Values.broker.type "rabbitmq")) | toJson -}}
{{- end -}}
