# Sourced by Scripts/demo and Scripts/demo-python: the parts of a job's demonstration that both have.
#
# Two folders stand for two machines: $W/owner is the data owner's, $W/provider the provider's, and files are copied
# between them as a mail would carry them.

begin() {
  C=${CLOISTER:-$PWD/build/cloister}
  # Short, so that keys and instances of a demonstration are its own.
  W=${DEMO_FOLDER:-$PWD/build/$1}
  rm -rf "$W"
  mkdir -p "$W/owner" "$W/provider"
  timings=()
  nonce=$(openssl rand -hex 32)
  # The software machine's root is trusted only if there is no SGX, and the demonstration says so.
  local doctor
  doctor=$("$C" doctor --json || true)
  if [ "$(json outcome <<<"$doctor")" = ready ]; then
    trust=(--pccs "${PCCS:-https://api.trustedservices.intel.com}")
    machine="this processor's SGX"
  else
    "$C" collateral software --output "$W/owner/collateral" >/dev/null 2>&1
    trust=(--collateral "$W/owner/collateral" --trust-software-root "$(json softwareRoot <<<"$doctor")")
    machine="the software SGX machine: NO PROTECTION, the same steps"
  fi
  echo "on $machine"
}

say() { printf '\n== %s\n' "$*"; }
json() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

# step NAME [--as TEXT] COMMAND...: says and runs it, and remembers how long it took.
step() {
  local name=$1 start end shown="" word
  shift
  if [ "$1" = --as ]; then
    shown=$2
    shift 2
  else
    for word in "$@"; do
      word=${word/#"$C"/cloister}
      word=${word//"$W"\//}
      shown+="$word "
    done
  fi
  echo "$ $shown"
  start=$(date +%s%N)
  "$@"
  end=$(date +%s%N)
  timings+=("$(printf '%-9s %8.3f s' "$name" "$(python3 -c "print(($end - $start) / 1e9)")")")
}

vendor_payload() {
  mkdir -p "$W/vendor"
  step keygen "$C" keygen "$W/vendor/vendor.pem"
  step prepare "$C" prepare "$1" -o "$W/vendor/payload"
  step sign "$C" sign "$W/vendor/payload" --key "$W/vendor/vendor.pem"
  cp -a "$W/vendor/payload" "$W/provider/payload"
}

owner_policy() {
  step owner "$C" owner keygen -o "$W/owner/owner.pem"
  "$C" inspect "$W/vendor/payload" --json >"$W/vendor/inspection.json"
  python3 - "$W/vendor/inspection.json" >"$W/owner/policy.toml" <<'P'
import json, sys
mrenclave = json.load(open(sys.argv[1]))["mrenclave"]
print("[enclave]\nmrenclave = [" + ", ".join('"%s"' % value for value in mrenclave.values()) + "]")
P
  cat "$W/owner/policy.toml"
  send owner/owner.pub provider/owner.pub
}

send() { cp "$W/$1" "$W/$2"; echo "   ($1 goes to ${2%%/*})"; }

# saw WORD...: none of the owner's words is in any file that the provider has.
saw() {
  local word found=0
  for word in "$@"; do
    if grep -raqF -- "$word" "$W/provider/offer" "$W/provider/job" "$W/provider/result"; then
      echo "the provider's files contain \"$word\"" >&2
      found=1
    fi
  done
  [ $found = 0 ] || exit 1
  echo "provider: payload, offer, job ($(stat -c %s "$W/provider/job") bytes) and result ($(stat -c %s "$W/provider/result") bytes), both encrypted;"
  echo "          when it ran and how long. Looked for and not found in them: $*"
  echo "owner:    everything in $W/owner/results"
  echo "vendor:   nothing"
}

finish() {
  say "How long each step took"
  printf '%s\n' "${timings[@]}"
}
