#!/bin/sh
# Audit, judge, write every report; the exit code is that of the gate. Both build servers call it.
# Settings stand in the environment: EQUIPOISE_PLAN, EQUIPOISE_AS_OF, EQUIPOISE_ON_INCONCLUSIVE ...
set -u
: "${EQUIPOISE_PLAN:=equipoise.yaml}" "${EQUIPOISE_OUT:=out}" "${EQUIPOISE_WAIVERS:=waivers.yaml}"
export EQUIPOISE_PLAN EQUIPOISE_OUT EQUIPOISE_WAIVERS

# An audit from before must not be judged where a new one could not be made.
rm -f -- "$EQUIPOISE_OUT/audit.json"
equipoise lint "$EQUIPOISE_PLAN"
equipoise audit --quiet
audit=$?

# Judged also where the audit failed, so that every report says so.
equipoise gate "$EQUIPOISE_OUT/audit.json" \
  --format text \
  --format "json=$EQUIPOISE_OUT/gate.json" \
  --format "junit=$EQUIPOISE_OUT/gate.xml" \
  --format "sarif=$EQUIPOISE_OUT/gate.sarif" \
  --format "gitlab=$EQUIPOISE_OUT/gate.gitlab.json" \
  --format "markdown=$EQUIPOISE_OUT/gate.md"
gate=$?
[ "$audit" -eq 0 ] || exit "$audit"
exit "$gate"
