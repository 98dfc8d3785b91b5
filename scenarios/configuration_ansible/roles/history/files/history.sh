#!/usr/bin/env bash
# The configuration's history: a git repository in which one commit is one state of the whole system.
# HEAD is what is being applied, the tag `applied` what was applied last, whole, and `before` what was applied before that.
set -euo pipefail

repository=$1 verb=$2

case $verb in
make) # a repository of the folders given, one commit each; yours is there already
    git init --quiet "$repository"
    cd "$repository"
    git config user.name operator && git config user.email operator@example.org
    for state in "${@:3}"; do
        cp "$state"/* .
        git add . && git commit --quiet --message "$(head -1 workers.yml)"
    done
    git tag newest && git tag applied HEAD~1 && git checkout --quiet applied
    ;;
begin) # a commit: its files, to be applied
    git -C "$repository" checkout --quiet --detach "$3"
    git -C "$repository" log --max-count 1 --format='%h %s'
    ;;
settled) # a commit: nothing else is half-way; the same commit may be, and is then applied again
    cd "$repository"
    [ "$(git rev-parse HEAD)" = "$(git rev-parse "$3^{commit}")" ] || [ "$(git rev-parse HEAD)" = "$(git rev-parse applied)" ]
    ;;
finish) # what is checked out has been applied
    cd "$repository"
    [ "$(git rev-parse HEAD)" = "$(git rev-parse applied)" ] || { git tag --force before applied && git tag --force applied HEAD; }
    ;;
esac
