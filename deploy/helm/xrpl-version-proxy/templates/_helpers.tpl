{{- define "proxy.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "proxy.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "proxy.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "proxy.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* What never changes of a pod, and what it is found by. */ -}}
{{- define "proxy.selector" -}}
app.kubernetes.io/name: {{ include "proxy.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "proxy.labels" -}}
{{ include "proxy.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "proxy.metadata" -}}
name: {{ include "proxy.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "proxy.labels" . | nindent 2 }}
{{- end }}

{{- define "proxy.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "proxy.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "proxy.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{- /* What Prometheus calls this release: the rules select it, so that several releases do not disturb each other. */ -}}
{{- define "proxy.job" -}}
{{- printf "%s/%s" .Release.Namespace (include "proxy.fullname" .) }}
{{- end }}

{{- /* The listeners as a list, `{listeners: […]}`, each with host and port. */ -}}
{{- define "proxy.listeners" -}}
{{- $listen := default dict .Values.config.listen -}}
{{- $given := ternary $listen (list $listen) (kindIs "slice" $listen) -}}
{{- $listeners := list -}}
{{- range $index, $listener := $given -}}
{{- $fixed := dict "host" $.Values.bindAddress "port" (default (add 51233 $index) $listener.port | int) -}}
{{- $listeners = append $listeners (mergeOverwrite (deepCopy $listener) $fixed) -}}
{{- end -}}
{{- toYaml (dict "listeners" $listeners) }}
{{- end }}

{{- /* The ports of clients, `{ports: [{name, port, servicePort, appProtocol?}]}`: each listener's, and its gRPC port. */ -}}
{{- define "proxy.ports" -}}
{{- $ports := list -}}
{{- range $index, $listener := (include "proxy.listeners" . | fromYaml).listeners -}}
{{- $suffix := ternary "" (printf "-%d" (add $index 1)) (eq $index 0) -}}
{{- $service := ternary $.Values.service.port $listener.port (eq $index 0) -}}
{{- $ports = append $ports (dict "name" (printf "clients%s" $suffix) "port" $listener.port "servicePort" $service) -}}
{{- if $listener.grpc_port -}}
{{- $ports = append $ports (dict "name" (printf "grpc%s" $suffix) "port" $listener.grpc_port "servicePort" $listener.grpc_port "appProtocol" (ternary "" "kubernetes.io/h2c" (hasKey $listener "tls"))) -}}
{{- end -}}
{{- end -}}
{{- $inPod := dict "9652" "observe" -}}
{{- $inService := dict -}}
{{- range $port := $ports -}}
{{- with get $inPod (toString $port.port) -}}
{{- fail (printf "config.listen: port %v of %s is already used by %s" $port.port $port.name .) -}}
{{- end -}}
{{- with get $inService (toString $port.servicePort) -}}
{{- fail (printf "service.port: port %v of %s is already used by %s" $port.servicePort $port.name .) -}}
{{- end -}}
{{- $inPod = set $inPod (toString $port.port) $port.name -}}
{{- $inService = set $inService (toString $port.servicePort) $port.name -}}
{{- end -}}
{{- toYaml (dict "ports" $ports) }}
{{- end }}

{{- /* Probes and scrapes come from outside the pod; the network policy says from where. */ -}}
{{- define "proxy.config" -}}
{{- $observe := dict "host" .Values.bindAddress "port" 9652 -}}
{{- $fixed := dict "observe" (mergeOverwrite (deepCopy (default dict .Values.config.observe)) $observe) -}}
{{- $listeners := (include "proxy.listeners" . | fromYaml).listeners -}}
{{- toYaml (mergeOverwrite (deepCopy (omit .Values.config "listen")) $fixed (dict "listen" $listeners)) }}
{{- end }}

{{- /* What pods are replaced for: what takes a restart, or everything unless they watch their configuration. */ -}}
{{- define "proxy.checksum" -}}
{{- $config := include "proxy.config" . | fromYaml -}}
{{- if $config.watch_config -}}
{{- $config = pick $config "grpc" "tracing" "workers" -}}
{{- end -}}
{{- toJson $config | sha256sum }}
{{- end }}

{{- define "proxy.families" -}}
{{- with .Values.service.ipFamilyPolicy }}
ipFamilyPolicy: {{ . }}
{{- end }}
{{- with .Values.service.ipFamilies }}
ipFamilies:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
