{{- define "keyrelay.labels" -}}
{{ include "keyrelay.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end }}

{{- define "keyrelay.selector" -}}
app.kubernetes.io/name: keyrelay
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/*
A value as text: Helm reads numbers as floats, and would write 2000000 as 2e+06. toYaml does, too, so what operators
give in the words of Kubernetes goes through toJson, which is YAML as well.
*/}}
{{- define "keyrelay.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ . | int64 }}{{ else }}{{ . }}{{ end -}}
{{- end }}

{{- define "keyrelay.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "keyrelay.publicUrls" -}}
{{- $urls := list -}}
{{- range .Values.hosts }}{{ $urls = append $urls (printf "wss://%s/ws" .) }}{{ end -}}
{{- join "," $urls -}}
{{- end }}

{{/* Time for preStop and the drain, and some. RELAY_DRAIN_MS is required here so that the two cannot part. */}}
{{- define "keyrelay.graceSeconds" -}}
{{- $drainMs := .Values.settings.RELAY_DRAIN_MS | int -}}
{{- add (div (add $drainMs 999) 1000) .Values.preStopSeconds 15 -}}
{{- end }}
