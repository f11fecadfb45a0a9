{{/* Takes (list $ component values-of-the-ingress port). */}}
{{- define "timbre.ingress" -}}
{{- $root := index . 0 -}}
{{- $ingress := index . 2 -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  {{- include "timbre.metadata" (list $root (index . 1)) | nindent 2 }}
  {{- with $ingress.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with $ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  tls:
    - hosts: [{{ $ingress.host }}]
      secretName: {{ $ingress.tlsSecret }}
  rules:
    - host: {{ $ingress.host }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {{ include "timbre.fullname" $root }}-{{ index . 1 }}
                port: {number: {{ index . 3 }}}
{{- end -}}
