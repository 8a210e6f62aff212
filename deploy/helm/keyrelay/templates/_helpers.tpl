{{- define "keyrelay.labels" -}}
{{ include "keyrelay.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "keyrelay.selector" -}}
app.kubernetes.io/name: keyrelay
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "keyrelay.publicUrls" -}}
{{- $urls := list -}}
{{- range .Values.hosts }}{{ $urls = append $urls (printf "wss://%s/ws" .) }}{{ end -}}
{{- join "," $urls -}}
{{- end }}

{{/* Time for preStop and the drain, and some. RELAY_DRAIN_MS is required here so that the two cannot part. */}}
{{- define "keyrelay.graceSeconds" -}}
{{- $drainMs := required "settings.RELAY_DRAIN_MS: how long a stopping node spreads its closes" .Values.settings.RELAY_DRAIN_MS | int -}}
{{- add (div (add $drainMs 999) 1000) .Values.preStopSeconds 15 -}}
{{- end }}
