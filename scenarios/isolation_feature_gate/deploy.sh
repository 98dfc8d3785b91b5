#!/usr/bin/env bash
# Releases the new report: its workers are there already, and idle; the flag lets tasks come.
set -euo pipefail

turn_flag_on() {
    python3 flag.py set new-report on
    python3 flag.py wait new-report on
}

turn_flag_on
