{{- /* What several templates say. A role is one of api, tracker, senders, jobs, migrate; its own values are under its name. */ -}}

{{- define "postroom.name" -}}
{{- if contains "postroom" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-postroom" (.Release.Name | trunc 31 | trimSuffix "-") }}{{ end -}}
{{- end }}

{{- define "postroom.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- /* (dict "root" $ "role" "api") */ -}}
{{- define "postroom.selector" -}}
app.kubernetes.io/name: postroom
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{- define "postroom.labels" -}}
{{ include "postroom.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- /* The secret settings that a role is given: the relay's and the gateway's belong to those who send alone,
     the files' to those who write and to those who serve them. */ -}}
{{- define "postroom.secretNames" -}}
{{- $all := dict
      "api" (list "DATABASE_URL" "BUS_URL" "OBJECT_STORE_URL" "SECRET")
      "tracker" (list "DATABASE_URL" "BUS_URL" "SECRET")
      "senders" (list "DATABASE_URL" "BUS_URL" "SECRET" "SMTP_URL" "SMS_URL")
      "jobs" (list "DATABASE_URL" "BUS_URL" "OBJECT_STORE_URL" "SECRET")
      "migrate" (list "DATABASE_URL" "DATABASE_DIRECT_URL") -}}
{{- $given := list -}}
{{- range get $all .role -}}
{{- if get $.root.Values.secrets.references . -}}{{- $given = append $given . -}}{{- end -}}
{{- end -}}
{{- join " " $given -}}
{{- end }}

{{- define "postroom.environment" -}}
{{- $values := .root.Values -}}
- { name: POSTROOM_HOST, value: "0.0.0.0" }
- { name: POSTROOM_API_PORT, value: "8080" }
- { name: POSTROOM_TRACKER_PORT, value: "8081" }
- { name: POSTROOM_BOUNCE_PORT, value: "8025" }
- { name: POSTROOM_METRICS_PORT, value: "9090" }
- { name: POSTROOM_JOURNAL_DIR, value: /var/lib/postroom/journal }
{{- if eq .role "senders" }}
- { name: POSTROOM_DISPATCHER_ROLES, value: send }
{{- else if eq .role "jobs" }}
- { name: POSTROOM_DISPATCHER_ROLES, value: jobs }
{{- end }}
{{- range $name, $value := $values.settings }}
- name: POSTROOM_{{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- range include "postroom.secretNames" . | splitList " " }}
{{- $reference := get $values.secrets.references . }}
{{- if eq $values.secrets.mountedAs "files" }}
- { name: POSTROOM_{{ . }}_FILE, value: /run/secrets/postroom/{{ . }} }
{{- else }}
- name: POSTROOM_{{ . }}
  valueFrom:
    secretKeyRef: {{ toJson $reference }}
{{- end }}
{{- end }}
{{- end }}

{{- define "postroom.volumes" -}}
- name: tmp
  emptyDir: { sizeLimit: 256Mi }
{{- if eq .root.Values.secrets.mountedAs "files" }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range include "postroom.secretNames" . | splitList " " }}
      {{- $reference := get $.root.Values.secrets.references . }}
      - secret:
          name: {{ $reference.name }}
          items: [{ key: {{ $reference.key }}, path: {{ . }} }]
      {{- end }}
{{- end }}
{{- if eq .role "jobs" }}
- name: journal
  emptyDir: { sizeLimit: 64Mi } # made by every dispatcher; one that sends nothing writes nothing into it
{{- end }}
{{- end }}

{{- define "postroom.mounts" -}}
- { name: tmp, mountPath: /tmp }
{{- if eq .root.Values.secrets.mountedAs "files" }}
- { name: secrets, mountPath: /run/secrets/postroom, readOnly: true }
{{- end }}
{{- if has .role (list "tracker" "senders" "jobs") }}
- { name: journal, mountPath: /var/lib/postroom/journal }
{{- end }}
{{- end }}

{{- /* (dict "root" $ "role" "senders"): a volume of its own for the journal of each pod. */ -}}
{{- define "postroom.journal" -}}
{{- $journal := (get .root.Values .role).journal -}}
- metadata:
    name: journal
  spec:
    accessModes: {{- toYaml $journal.accessModes | nindent 6 }}
    {{- with $journal.storageClassName }}
    storageClassName: {{ . }}
    {{- end }}
    resources:
      requests: { storage: {{ $journal.size }} }
{{- end }}

{{- define "postroom.refuseEmptyRange" -}}
{{- if gt (int .range.minReplicas) (int .range.maxReplicas) -}}
{{- fail (printf "%s.minReplicas is more than %s.maxReplicas" .name .name) -}}
{{- end -}}
{{- end }}

{{- define "postroom.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "postroom.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- /* Alive is a matter of answering: neither of the first two asks Postgres or RabbitMQ, so that no outage of theirs restarts us. */ -}}
{{- define "postroom.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: {{ . }} }
  periodSeconds: 2
  timeoutSeconds: 3
  failureThreshold: 150
livenessProbe:
  httpGet: { path: /healthz, port: {{ . }} }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: {{ . }} }
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end }}

{{- /* (dict "root" $ "role" "api" "command" "api" "ports" (list (dict "name" "http" "containerPort" 8080))) */ -}}
{{- define "postroom.podTemplate" -}}
{{- $own := get .root.Values .role -}}
metadata:
  labels: {{- include "postroom.labels" . | nindent 4 }}
  {{- with $own.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "postroom.name" .root }}
  automountServiceAccountToken: false
  enableServiceLinks: false # else Kubernetes would add variables of its own that begin with POSTROOM_
  terminationGracePeriodSeconds: {{ $own.terminationGracePeriodSeconds }}
  securityContext: {{- include "postroom.podSecurity" . | nindent 4 }}
  {{- with .root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with .root.Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - topologyKey: {{ . }}
      maxSkew: 1
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "postroom.selector" $ | nindent 10 }}
    {{- end }}
  {{- with $own.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $own.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $own.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .role }}
      image: {{ include "postroom.image" .root }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args: [{{ .command }}]
      env: {{- include "postroom.environment" . | nindent 8 }}
      ports: {{- toYaml .ports | nindent 8 }}
      {{- include "postroom.probes" (first .ports).name | nindent 6 }}
      lifecycle:
        preStop:
          sleep: { seconds: 5 } # until nobody sends requests here any more
      resources: {{- toYaml $own.resources | nindent 8 }}
      securityContext: {{- include "postroom.containerSecurity" . | nindent 8 }}
      volumeMounts: {{- include "postroom.mounts" . | nindent 8 }}
  volumes: {{- include "postroom.volumes" . | nindent 4 }}
{{- end }}
