{{/* The servers: image, command and environment. Keys come from the Secret under the names that each of them reads. */}}
{{- define "timbre.secretEnvironment" -}}
{{- $root := index . 0 -}}
env:
  {{- range $variable, $key := index . 1 }}
  - name: {{ $variable }}
    valueFrom: {secretKeyRef: {name: {{ include "timbre.secretName" $root }}, key: {{ $key }}}}
  {{- end }}
{{- end -}}

{{- define "timbre.seaweedfs" -}}
{{- $ports := include "timbre.ports" . | fromJson -}}
{{- $keys := dict "AWS_ACCESS_KEY_ID" "S3_ACCESS_KEY" "AWS_SECRET_ACCESS_KEY" "S3_SECRET_KEY" "WEED_S3_SSE_KEK" "WEED_S3_SSE_KEK" -}}
{{- /* Without these, the filer behind S3 serves anybody who reaches its port. */ -}}
{{- range list "WEED_JWT_SIGNING_KEY" "WEED_JWT_SIGNING_READ_KEY" "WEED_JWT_FILER_SIGNING_KEY" "WEED_JWT_FILER_SIGNING_READ_KEY" }}{{ $_ := set $keys . . }}{{ end -}}
- name: seaweedfs
  image: {{ .Values.objectStore.seaweedfs.image }}
  workingDir: /data
  command: [weed, mini]
  args: [-dir=/data, -ip=127.0.0.1, -ip.bind=0.0.0.0, -s3.port={{ $ports.store }}, -admin.ui=false, -webdav=false, -s3.port.iceberg=0, -s3.port.lance=0]
  {{- include "timbre.secretEnvironment" (list . $keys) | nindent 2 }}
{{- end -}}

{{- define "timbre.minio" -}}
{{- $ports := include "timbre.ports" . | fromJson -}}
- name: minio
  image: {{ .Values.objectStore.minio.image }}
  command: [minio, server, /data]
  args: [--address, ":{{ $ports.store }}", --certs-dir, /tmp/certs]
  {{- include "timbre.secretEnvironment" (list . (dict "MINIO_ROOT_USER" "S3_ACCESS_KEY" "MINIO_ROOT_PASSWORD" "S3_SECRET_KEY" "MINIO_KMS_SECRET_KEY" "MINIO_KMS_SECRET_KEY")) | nindent 2 }}
    - {name: MINIO_BROWSER, value: "off"}
{{- end -}}
