{{- define "timbre.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What a component's pods are known by. Takes (list $ "api") or, for a pool, (list $ "worker" "pool"). */}}
{{- define "timbre.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- if gt (len .) 2 }}
timbre/pool: {{ index . 2 }}
{{- end }}
{{- end -}}

{{- define "timbre.labels" -}}
{{- $root := index . 0 -}}
{{ include "timbre.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- end -}}

{{/* Name, namespace and labels of a component's object. Takes (list $ "api") or (list $ "worker" "pool"). */}}
{{- define "timbre.metadata" -}}
{{- $root := index . 0 -}}
name: {{ printf "%s-%s" (include "timbre.fullname" $root) (rest . | join "-") }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "timbre.labels" . | nindent 2 }}
{{- end -}}

{{- define "timbre.secretName" -}}
{{- .Values.secrets.existing | default (include "timbre.fullname" .) -}}
{{- end -}}

{{/* Takes (list $ "timbre-worker" "-cuda"). */}}
{{- define "timbre.image" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.image.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{ index . 1 }}:{{ $root.Values.image.tag | default $root.Chart.AppVersion }}{{ index . 2 }}
{{- end -}}

{{- define "timbre.ports" -}}
{{- dict "api" 8000 "metrics" 9464 "redis" 6379 "store" (ternary 9000 8333 (eq .Values.objectStore.type "minio")) | toJson -}}
{{- end -}}
