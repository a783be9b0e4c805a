# SPDX-License-Identifier: MIT
# bash completion for skbtape and skbtape-record; goes to /usr/share/bash-completion/completions/skbtape
_skbtape()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} options=
	COMPREPLY=()
	case ${COMP_WORDS[0]##*/} in skbtape-record) command=record ;; esac
	if [ "$COMP_CWORD" = 1 ] && [ "${COMP_WORDS[0]##*/}" = skbtape ]; then
		COMPREPLY=($(compgen -W "record doctor info analyze report why query rules export --help --version" -- "$cur"))
		return
	fi
	case $prev in
	--csv) [ "$command" = query ] || { COMPREPLY=($(compgen -d -- "$cur")); return; } ;;
	--rules) COMPREPLY=($(compgen -d -- "$cur")); return ;;
	--lang) COMPREPLY=($(compgen -W "en zh" -- "$cur")); return ;;
	--format) COMPREPLY=($(compgen -W "html md json" -- "$cur")); return ;;
	-e) COMPREPLY=($(compgen -W "drops path standard full" -- "$cur")); return ;;
	--netns) COMPREPLY=($(compgen -W "all self" -- "$cur")); return ;;
	--backend) COMPREPLY=($(compgen -W "auto tracefs perf" -- "$cur")); return ;;
	--formats) COMPREPLY=($(compgen -d -- "$cur")); return ;;
	--filter|--frame|--from|--max-cpu|--max-size|--packet|--to|-b|-d|-i|-s) return ;;
	esac
	case $command in
	record) options='-o -d -e -i -s --netns --no-pcap --backend --formats -b --max-size --max-cpu -q --doctor --help --version' ;;
	doctor) options='--help' ;;
	info) options='--json --help' ;;
	analyze) options='--output --rules --filter --quiet --help' ;;
	report) options='-o --format --lang --filter --tape --help' ;;
	why) options='--packet --frame --lang --filter --tape --help' ;;
	query) options='--json --csv --examples --help' ;;
	rules) options='--rules --help' ;;
	export) options='--pcapng --perfetto --csv --filter --tape --from --to --no-comments --help' ;;
	esac
	case $cur in
	-*) COMPREPLY=($(compgen -W "$options" -- "$cur")) ;;
	*) COMPREPLY=($(compgen -f -- "$cur")) ;;
	esac
}
complete -o filenames -F _skbtape skbtape skbtape-record
