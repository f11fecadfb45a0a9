{{/* What every pod has, as PodSecurity's "restricted" asks for it. Takes (list $ "api"); component and, in a pool, its name. */}}
{{- define "timbre.podMetadata" -}}
{{- $root := index . 0 -}}
labels:
  {{- include "timbre.labels" . | nindent 2 }}
  {{- with $root.Values.pods.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  # Pods are replaced when what they were told changes.
  checksum/settings: {{ toJson (list $root.Values.settings $root.Values.auth $root.Values.objectStore $root.Values.redis $root.Values.broker $root.Values.cdn $root.Values.secrets $root.Values.files.content) | sha256sum }}
  {{- with $root.Values.pods.annotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* Takes (list $ "api" user-id). */}}
{{- define "timbre.podSecurity" -}}
{{- $root := index . 0 -}}
serviceAccountName: {{ include "timbre.fullname" $root }}-{{ index . 1 }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ index . 2 }}
  runAsGroup: {{ index . 2 }}
  fsGroup: {{ index . 2 }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "timbre.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{/* The files that settings name: where they come from, and where they lie. Empty where there are none. */}}
{{- define "timbre.filesVolume" -}}
{{- with .Values.files -}}
{{- if or .content .existingConfigMap -}}
- name: files
  configMap: {name: {{ .existingConfigMap | default (printf "%s-files" (include "timbre.fullname" $)) }}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "timbre.filesMount" -}}
{{- if include "timbre.filesVolume" . -}}
- {name: files, mountPath: /files, readOnly: true}
{{- end -}}
{{- end -}}

{{/* Which nodes. Takes a component's values. */}}
{{- define "timbre.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClass }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}
