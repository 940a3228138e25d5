#!/usr/bin/env bash
# From nothing to a plan with curl and jq: sign in, send readings, train, predict, optimise, follow.
#   PASSWORD='…' docs/api/story.sh [http://127.0.0.1:8000]
# MACHINE is one that takes orders of production; METER one whose readings are sent and learnt from.
set -euo pipefail
BASE=${1:-http://127.0.0.1:8000}
USERNAME=${USERNAME_OF_API:-admin}
METER=${METER:-cnc-1}
MACHINE=${MACHINE:-mill-1}
RUN=$(date +%s)-$$

say() { printf '\n%s\n' "— $*"; }

# One request: method, path, body as JSON, further headers. What is wrong is said in words, and ends it.
call() {
  local method=$1 path=$2 body=${3:-}
  shift $(($# < 3 ? $# : 3))
  local sent=(-sS -X "$method" "$BASE$path" -H "Authorization: Bearer ${TOKEN:-none}" -w '\n%{http_code}')
  [ -z "$body" ] || sent+=(-H 'Content-Type: application/json' -d "$body")
  for header in "$@"; do sent+=(-H "$header"); done
  local answer status
  answer=$(curl "${sent[@]}")
  status=${answer##*$'\n'}
  answer=${answer%$'\n'*}
  if [ "$status" -ge 400 ]; then
    jq -r '"\(.status) \(.title): \(.detail)", (.errors[]? | "  \(.pointer // .in): \(.detail)"),
      (.details.issues[]? | "  \(.field): \(.text["en-US"])")' <<<"$answer" >&2
    return 1
  fi
  printf '%s' "$answer"
}

say "Sign in"
login=$(jq -nc --arg u "$USERNAME" --arg p "${PASSWORD:?the password of $USERNAME}" '{username: $u, password: $p}')
TOKEN=$(call POST /api/v1/auth/login "$login" | jq -r .accessToken)
call GET /api/v1/auth/me | jq -c '{name, role, sites}'

say "Send readings of the last three minutes"
readings=$(jq -nc --arg m "$METER" '[range(3) | {machine: $m, time: (now - 180 + 60 * . | floor | todate), powerKw: (30 + .)}]')
call POST /api/v1/data/sensors "$readings" "Idempotency-Key: story-readings-$RUN" | jq -c .

say "Read them back as quarter-hours, the newest first"
call GET "/api/v1/data/sensors?machine=$METER&sort=-time&limit=3&fields=start,energyKwh,meanKw,quality" | jq -c '.items[]'

say "Train a model; a job does the work"
job=$(call POST /api/v1/models/train "$(jq -nc --arg m "$METER" '{task: "anomaly", machine: $m}')" "Idempotency-Key: story-train-$RUN")
id=$(jq -r .id <<<"$job")
echo "job $id"

say "Wait for it"
# Not for ever: a first start has many trainings before this one.
until_s=$((SECONDS + ${PATIENCE:-600}))
while ((SECONDS < until_s)) && job=$(call GET "/api/v1/jobs/$id") && state=$(jq -r .state <<<"$job") && [[ $state == queued || $state == running ]]; do
  jq -c '{state, ahead, progress}' <<<"$job"
  sleep "${PAUSE:-5}"
done
jq -c '{state, result, problem: .problem.detail}' <<<"$job"

say "Predict the next hours of the whole site"
call POST /api/v1/models/predict '{"machine": "total", "horizonMinutes": 120}' | jq -c '{method, fallback, next: [.points[] | [.start, .energyKwh]]}'

say "Add an order of production, and plan"
due=$(jq -nr 'now + 20 * 3600 | floor | todate')
order=$(jq -nc --arg id "story-$RUN" --arg m "$MACHINE" --arg due "$due" \
  '{id: $id, product: "Sample", due: $due, operations: [{modes: [{machine: $m, minutes: 30, powerKw: 40}]}]}')
call POST /api/v1/scheduling/jobs "$order" "Idempotency-Key: story-order-$RUN" | jq -c '.items[] | {id, state, due}'
plan=$(call POST /api/v1/scheduling/optimize '{}')
jq -c --arg id "story-$RUN" '{plan: .id, status, krw: .cost.plan.totalKrw, asSoonAsPossible: .cost.asSoonAsPossible.totalKrw,
  ours: [.operations[] | select(.job == $id) | {machine, start, why: .reason.text["en-US"]}]}' <<<"$plan"

say "Take the order back"
call DELETE "/api/v1/scheduling/jobs/story-$RUN" | jq -c '{id, state}'

say "Follow the plant"
if curl --version | grep -qw ws; then
  # The feed sends the whole picture first, then what changed; this takes the first messages.
  curl -sS --no-buffer --max-time 5 "ws${BASE#http}/ws" -H "Authorization: Bearer $TOKEN" | head -c 20000 | jq -c '{type, seq, totalKw}' || true
else
  echo "(this curl speaks no WebSocket; the same picture, asked for once a second)"
  for _ in 1 2 3; do
    call GET '/api/v1/monitoring/realtime?fields=seq,time,totalKw' | jq -c .
    sleep 1
  done
fi
