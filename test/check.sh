#!/bin/bash
# check.sh - all tests, from a clone on a machine with nothing installed.
#
#	test/check.sh							everything
#	test/check.sh PART...					parts: house unit fuzz regress isolation tap
#	test/check.sh PART NAME...				some of a part: "regress emit",
#											"tap 003_kill", "unit digest", "fuzz json"
#
# Installs missing packages, builds with warnings as errors, runs the parts
# against a throw-away server (lib.sh says how), shows what failed, and closes
# with the line "N passed, N failed".  Exit status 0 only if nothing failed.
#
# parts.sh says what is counted; the build is, too.
#
# ECAPI_JOBS (default: number of processors) TAP programs run at once.
set -euo pipefail

# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=test/parts.sh
. "$(dirname "${BASH_SOURCE[0]}")/parts.sh"

ALL_PARTS=(house unit fuzz regress isolation tap)

read_parts "$@"
[ ${#parts[@]} -gt 0 ] || parts=("${ALL_PARTS[@]}")

need_packages "${PACKAGES[@]}" "${CHECK_PACKAGES[@]}"
make_work
# not of every version; 942_maintenance says so, too
need_packages "postgresql-$PG_MAJOR-repack" >/dev/null 2>&1 || say "no package postgresql-$PG_MAJOR-repack"
# 088_patroni and 089_auto_failover say so, too
for package in patroni python3-etcd etcd-server "postgresql-$PG_MAJOR-auto-failover"; do
	need_packages "$package" >/dev/null 2>&1 || say "no package $package"
done
# large; 410_report says so, too
need_packages chromium >/dev/null 2>&1 || say "no package chromium"
# 340_oracles, 345_second and 410_report run programs of it, and say so, too; it may be there by other means
command -v npm >/dev/null || need_packages nodejs npm >/dev/null 2>&1 || say "no npm"
make_server
"$PG_CONFIG" --version
build_counted
tap_environment
for part in "${parts[@]}"; do
	"part_$part" "${names[@]}"
done
finish
