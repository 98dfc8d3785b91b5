# Sourced by bash, through BASH_ENV, before the playbook's own first line; the playbook itself is not changed.
#
# A step is a call of a function from the script's top level. The gate says `begin NAME` on an inherited socket, waits for one byte,
# says `end NAME STATUS` and waits again; while it waits, so does the script. A status of `-` is one it could not read.
# The DEBUG trap sees every command and every entry of a function, the RETURN trap every return; both are inherited by functions and
# subshells (functrace). What a command may see is left as it was: $?, $_, PIPESTATUS, BASH_REMATCH, options, the script's own EXIT,
# ERR and signal traps. Standard error is closed to the gate itself, so that a script's `set -x` does not show it.

if [[ -n ${DRILLBOOK_GATE-} && $0 -ef ${DRILLBOOK_GATE_SCRIPT-} ]]; then
  __drillbook_fd=$DRILLBOOK_GATE
  __drillbook_within=" main source $DRILLBOOK_GATE_WITHIN " # looked through: their calls are steps, they are not
  __drillbook_aside=" $DRILLBOOK_GATE_ASIDE "               # never steps, as is what begins with _
  __drillbook_step=                                         # the open step
  __drillbook_floor=0                                       # the call depth at which it runs
  __drillbook_seen=-1                                       # the call depth of the last command
  __drillbook_count=0                                       # commands since a function last returned
  unset BASH_ENV DRILLBOOK_GATE DRILLBOOK_GATE_SCRIPT DRILLBOOK_GATE_WITHIN DRILLBOOK_GATE_ASIDE # children run without a gate

  __drillbook_gate() { # status, last argument: before every command
    if ((__drillbook_count++, ${#FUNCNAME[@]} != __drillbook_seen)); then
      __drillbook_look "$1"
    fi
    : "$2"
  }

  __drillbook_look() { # status: the call depth has changed
    local __drillbook_at=$((${#FUNCNAME[@]} - 1)) __drillbook_frame __drillbook_name
    __drillbook_seen=$__drillbook_at
    if [[ ${FUNCNAME[2]-} == __drillbook_* ]]; then return 0; fi
    if [[ -n $__drillbook_step ]]; then
      if ((__drillbook_at >= __drillbook_floor)); then return 0; fi
      __drillbook_say end "$1"
    fi
    for ((__drillbook_frame = __drillbook_at - 1; __drillbook_frame > 1; __drillbook_frame--)); do
      __drillbook_name=${FUNCNAME[__drillbook_frame]}
      case $__drillbook_within in *" $__drillbook_name "*) continue ;; esac
      case $__drillbook_aside$__drillbook_name in *" $__drillbook_name "* | *" _"*) return 0 ;; esac
      __drillbook_step=$__drillbook_name
      __drillbook_floor=$((__drillbook_at - __drillbook_frame + 2))
      if ((BASH_SUBSHELL)) && [[ -z $(trap -p EXIT) ]]; then trap '{ __drillbook_gone "$?"; } 2>/dev/null' EXIT; fi
      __drillbook_say begin
      return 0
    done
    return 0
  }

  __drillbook_left() { # status before, the last command, commands since a function last returned: a function returns
    if [[ -n $__drillbook_step && ${#FUNCNAME[@]} -eq $__drillbook_floor ]]; then
      local __drillbook_status=$1 __drillbook_name
      # $? is not yet what `return N` gives. The last command is this function's own unless another returned since.
      if [[ $2 == return\ * && $3 -gt 1 ]]; then
        __drillbook_name=${2#return }
        __drillbook_name=${__drillbook_name//[\"\'\$\{\}]/}
        case $__drillbook_name in
          '?') ;;
          *[!A-Za-z0-9_]* | '') __drillbook_status= ;;
          [0-9]*) case $2 in *'$'*) __drillbook_status= ;; *) __drillbook_status=$__drillbook_name ;; esac ;;
          *) __drillbook_status=${!__drillbook_name-} ;;
        esac
        case $__drillbook_status in *[!0-9]* | '') __drillbook_status= ;; *) __drillbook_status=$((__drillbook_status & 255)) ;; esac
      fi
      # Where it cannot be told here, the next command's $? ends the step.
      if [[ -n $__drillbook_status ]]; then __drillbook_say end "$__drillbook_status"; fi
    fi
    __drillbook_count=0
  }

  __drillbook_gone() { # status: a subshell ends
    if [[ -n $__drillbook_step ]]; then __drillbook_say end "$1"; fi
  }

  __drillbook_say() { # begin, or end and a status: tell, and wait to be let go
    local __drillbook_answer __drillbook_name=$__drillbook_step
    if [[ $1 == end ]]; then __drillbook_step=; fi
    if printf '%s %s %s\n' "$1" "$__drillbook_name" "${2-}" >&"$__drillbook_fd"; then
      until read -r -n 1 -u "$__drillbook_fd" __drillbook_answer; do
        if (($? <= 128)); then break; fi # not a signal: the drill is gone
      done
      if [[ -n $__drillbook_answer ]]; then return 0; fi
    fi
    kill -TERM $$
    exit 143
  }

  trap '{ __drillbook_left "$?" "$BASH_COMMAND" "$__drillbook_count"; } 2>/dev/null' RETURN
  trap '{ __drillbook_gate "$?" "$_"; } 2>/dev/null' DEBUG
  set -o functrace
fi 2>/dev/null
