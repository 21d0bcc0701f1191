#!/usr/bin/env bash
# Test through slurm, one task per GPU:
#   tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [flags of tools/test.py]
# Environment:
#   GPUS           number of GPUs, of all machines (8)
#   GPUS_PER_NODE  number of them on each machine (8, or GPUS if that is less)
#   CPUS_PER_TASK  CPU cores for each GPU (5)
#   SRUN_ARGS      further arguments for srun, like '--time=24:00:00'
#   PORT           a free port of the first machine (29500)
set -euo pipefail

if [ "$#" -lt 4 ]; then
    echo 'usage: tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [flags of tools/test.py]' >&2
    exit 2
fi
partition=$1
job_name=$2
config=$3
checkpoint=$4
shift 4

gpus=${GPUS:-8}
gpus_per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
read -r -a srun_args <<< "${SRUN_ARGS:-}"
if [ -n "${PORT:-}" ]; then
    export MASTER_PORT=$PORT
fi
exec srun --partition="$partition" --job-name="$job_name" --gres="gpu:$gpus_per_node" \
    --ntasks="$gpus" --ntasks-per-node="$gpus_per_node" --cpus-per-task="${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=1 ${srun_args[@]+"${srun_args[@]}"} \
    "${PYTHON:-python}" -u "$(dirname "$0")/test.py" "$config" "$checkpoint" --launcher slurm "$@"
