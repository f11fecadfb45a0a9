{{/*
What API and control are told of unlike models: their names and shares, and which of them the API judges texts by, as
far as it can: the one with the largest share. Nothing where pools name no model.
*/}}
{{- define "timbre.modelSettings" -}}
{{- $settings := dict -}}
{{- $shares := dict -}}
{{- $largest := -1.0 -}}
{{- range .Values.pools -}}
{{- $pool := mergeOverwrite (deepCopy $.Values.worker) . -}}
{{- $weight := float64 $pool.model.weight -}}
{{- if and $pool.model.name $pool.model.offered -}}
{{- $_ := set $shares $pool.model.name (printf "%s=%s" $pool.model.name (include "timbre.number" $weight)) -}}
{{- if gt $weight $largest -}}
{{- $largest = $weight -}}
{{- $settings = merge (dict "SERVED_MODEL_NAME" $pool.model.name) (pick $pool.settings "ENGINE" "MODEL_NAME" "CKPT_PATH" "VOCAB_PATH" "VOCODER_PATH") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $shares }}{{ $_ := set $settings "MODELS" (values . | sortAlpha | join ",") }}{{ end -}}
{{- toJson $settings -}}
{{- end -}}
