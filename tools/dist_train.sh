#!/usr/bin/env bash
# Train on several processes of one machine or of several:
#   tools/dist_train.sh CONFIG PROCESSES [flags of tools/train.py]
# PROCESSES is the number on this machine, one per GPU. On several machines, run it once on each with
#   NNODES       number of machines (1)
#   NODE_RANK    this machine's number, from 0 (0)
#   MASTER_ADDR  address of machine 0 (127.0.0.1)
#   PORT         a free port of machine 0 (29500; a free one is chosen if nothing is set)
set -euo pipefail

if [ "$#" -lt 2 ]; then
    echo 'usage: tools/dist_train.sh CONFIG PROCESSES [flags of tools/train.py]' >&2
    exit 2
fi
config=$1
processes=$2
shift 2

if ! [[ $processes =~ ^[1-9][0-9]*$ ]]; then
    echo "error: PROCESSES is '$processes': give the number of processes on this machine, from 1." >&2
    exit 2
fi
if ! [ -f "$config" ]; then
    echo "error: There is no config $config: check the path." >&2
    exit 2
fi

if [ "${NNODES:-1}" = 1 ] && [ -z "${PORT:-}" ]; then
    rendezvous=(--standalone)
else
    rendezvous=(
        --nnodes="${NNODES:-1}"
        --node_rank="${NODE_RANK:-0}"
        --master_addr="${MASTER_ADDR:-127.0.0.1}"
        --master_port="${PORT:-29500}"
    )
fi
tools=$(dirname "$0")
exec "${PYTHON:-python}" "$tools/torchrun.py" "${rendezvous[@]}" --nproc_per_node="$processes" \
    "$tools/train.py" "$config" --launcher pytorch "$@"
