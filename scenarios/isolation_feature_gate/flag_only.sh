#!/usr/bin/env bash
# Careless: turns the flag off, sees it off, and goes to bed. What waited behind the flag, and what had failed, is nobody's.
set -euo pipefail

turn_flag_off() {
    python3 flag.py set new-report off
}

see_it_off() {
    python3 flag.py wait new-report off --within 120
}

turn_flag_off
see_it_off
