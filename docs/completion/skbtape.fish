# SPDX-License-Identifier: MIT
# fish completion for skbtape; goes to /usr/share/fish/vendor_completions.d/skbtape.fish
complete -c skbtape -n __fish_use_subcommand -f -l help -d 'list the commands'
complete -c skbtape -n __fish_use_subcommand -f -l version -d 'show the version'
complete -c skbtape -n __fish_use_subcommand -f -a record -d "record this host onto a tape"
complete -c skbtape -n __fish_use_subcommand -f -a doctor -d "what this host allows to record"
complete -c skbtape -n __fish_use_subcommand -f -a info -d "what is on a tape"
complete -c skbtape -n __fish_use_subcommand -f -a analyze -d "tape to SQLite database"
complete -c skbtape -n __fish_use_subcommand -f -a report -d "findings and what proves them"
complete -c skbtape -n __fish_use_subcommand -f -a why -d "one flow's or packet's story"
complete -c skbtape -n __fish_use_subcommand -f -a query -d "rows of SQL"
complete -c skbtape -n __fish_use_subcommand -f -a rules -d "every cause that can be named"
complete -c skbtape -n __fish_use_subcommand -f -a export -d "for Wireshark, ui.perfetto.dev, spreadsheets"
complete -c skbtape -n '__fish_seen_subcommand_from record' -s o -r -F
complete -c skbtape -n '__fish_seen_subcommand_from record' -s d -x
complete -c skbtape -n '__fish_seen_subcommand_from record' -s e -x -a 'drops path standard full'
complete -c skbtape -n '__fish_seen_subcommand_from record' -s i -x
complete -c skbtape -n '__fish_seen_subcommand_from record' -s s -x
complete -c skbtape -n '__fish_seen_subcommand_from record' -l netns -x -a 'all self'
complete -c skbtape -n '__fish_seen_subcommand_from record' -l no-pcap
complete -c skbtape -n '__fish_seen_subcommand_from record' -l backend -x -a 'auto tracefs perf'
complete -c skbtape -n '__fish_seen_subcommand_from record' -l formats -r -F
complete -c skbtape -n '__fish_seen_subcommand_from record' -s b -x
complete -c skbtape -n '__fish_seen_subcommand_from record' -l max-size -x
complete -c skbtape -n '__fish_seen_subcommand_from record' -l max-cpu -x
complete -c skbtape -n '__fish_seen_subcommand_from record' -s q
complete -c skbtape -n '__fish_seen_subcommand_from record' -l doctor
complete -c skbtape -n '__fish_seen_subcommand_from record' -l help
complete -c skbtape -n '__fish_seen_subcommand_from record' -l version
complete -c skbtape -n '__fish_seen_subcommand_from doctor' -l help
complete -c skbtape -n '__fish_seen_subcommand_from info' -l json
complete -c skbtape -n '__fish_seen_subcommand_from info' -l help
complete -c skbtape -n '__fish_seen_subcommand_from analyze' -l output -r -F
complete -c skbtape -n '__fish_seen_subcommand_from analyze' -l rules -r -F
complete -c skbtape -n '__fish_seen_subcommand_from analyze' -l filter -x
complete -c skbtape -n '__fish_seen_subcommand_from analyze' -l quiet
complete -c skbtape -n '__fish_seen_subcommand_from analyze' -l help
complete -c skbtape -n '__fish_seen_subcommand_from report' -s o -r -F
complete -c skbtape -n '__fish_seen_subcommand_from report' -l format -x -a 'html md json'
complete -c skbtape -n '__fish_seen_subcommand_from report' -l lang -x -a 'en zh'
complete -c skbtape -n '__fish_seen_subcommand_from report' -l filter -x
complete -c skbtape -n '__fish_seen_subcommand_from report' -l tape -r -F
complete -c skbtape -n '__fish_seen_subcommand_from report' -l help
complete -c skbtape -n '__fish_seen_subcommand_from why' -l packet -x
complete -c skbtape -n '__fish_seen_subcommand_from why' -l frame -x
complete -c skbtape -n '__fish_seen_subcommand_from why' -l lang -x -a 'en zh'
complete -c skbtape -n '__fish_seen_subcommand_from why' -l filter -x
complete -c skbtape -n '__fish_seen_subcommand_from why' -l tape -r -F
complete -c skbtape -n '__fish_seen_subcommand_from why' -l help
complete -c skbtape -n '__fish_seen_subcommand_from query' -l json
complete -c skbtape -n '__fish_seen_subcommand_from query' -l csv
complete -c skbtape -n '__fish_seen_subcommand_from query' -l examples
complete -c skbtape -n '__fish_seen_subcommand_from query' -l help
complete -c skbtape -n '__fish_seen_subcommand_from rules' -l rules -r -F
complete -c skbtape -n '__fish_seen_subcommand_from rules' -l help
complete -c skbtape -n '__fish_seen_subcommand_from export' -l pcapng -r -F
complete -c skbtape -n '__fish_seen_subcommand_from export' -l perfetto -r -F
complete -c skbtape -n '__fish_seen_subcommand_from export' -l csv -r -F
complete -c skbtape -n '__fish_seen_subcommand_from export' -l filter -x
complete -c skbtape -n '__fish_seen_subcommand_from export' -l tape -r -F
complete -c skbtape -n '__fish_seen_subcommand_from export' -l from -x
complete -c skbtape -n '__fish_seen_subcommand_from export' -l to -x
complete -c skbtape -n '__fish_seen_subcommand_from export' -l no-comments
complete -c skbtape -n '__fish_seen_subcommand_from export' -l help
