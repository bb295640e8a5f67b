# bash completion for fmnist-train: commands, and options as the program's own help lists them

_fmnist_train_section() { # TITLE: the first words of the indented lines below it in train's help
  fmnist-train train --help 2> /dev/null | awk -v title="$1" 'index($0, title) == 1 {on = 1; next} on && !/^ / {exit} on && /^  [a-z]/ {print $1}'
}

_fmnist_train_models() {
  local folder file folders
  IFS=: read -ra folders <<< "${FMNIST_MODEL_PATH-}:@MODELS_DIR@"
  for folder in "${folders[@]}"; do
    for file in "$folder"/*.safetensors; do
      [[ -n $folder && -e $file ]] && file=${file##*/} && echo "${file%.safetensors}"
    done
  done
}

_fmnist_train_folders() {
  compopt -o filenames 2> /dev/null
  mapfile -t COMPREPLY < <(compgen -d -- "$cur")
}

_fmnist_train_files() { # ENDING...: folders and files that end so, all files with none
  local ending
  compopt -o filenames 2> /dev/null
  mapfile -t COMPREPLY < <(compgen -d -- "$cur"; [[ $# -gt 0 ]] || compgen -f -- "$cur"; for ending; do compgen -f -X "!*$ending" -- "$cur"; done)
}

_fmnist_train_value() { # COMMAND OPTION: words for its value in $cur; false where the option takes none that is known
  local words=
  case $1$2 in
  extract--photos | extract-p | extract--out | extract-o) _fmnist_train_folders && return ;;
  extract--cutouts) return 1 ;;
  extract--map | extract-m) mapfile -t COMPREPLY < <(compgen -d -S = -- "$cur") && return ;;
  esac
  case $2 in
  --model | -m | --teacher)
    _fmnist_train_files .safetensors
    words=$(_fmnist_train_models)
    ;;
  --init) _fmnist_train_files .safetensors ;;
  --out | -o)
    case $1 in
    scenes) _fmnist_train_folders ;;
    export) _fmnist_train_files .onnx ;;
    *) _fmnist_train_files .safetensors ;;
    esac
    ;;
  --onnx) _fmnist_train_files .onnx ;;
  --data | -d | --cutouts) _fmnist_train_folders ;;
  --plot) _fmnist_train_files .svg ;;
  --log) _fmnist_train_files .jsonl ;;
  --confusions) _fmnist_train_files .svg .png ;;
  --probs) _fmnist_train_files ;;
  --arch | -a) words=$(_fmnist_train_section "Networks and their recipes:") ;;
  --augment) words="none $(_fmnist_train_section Augmentation,)" ;;
  --schedule) words="constant step plateau cosine onecycle" ;;
  --optimizer) words="adam sgd" ;;
  --format | -f) words="text json" ;;
  --preset | -p | --scenes) words="green mixed photos worn nothing" ;;
  --split) words="train test" ;;
  --mode) words="infer train" ;;
  --background) words="any plain gradient fabric wood tiles clutter noise room" ;;
  --resume | -r | --no-nesterov | --teacher-mirrored | --tta | --help | -h) return 1 ;;
  --*) ;;
  *) return 1 ;;
  esac
  COMPREPLY+=($(compgen -W "$words" -- "$cur"))
  return 0
}

_fmnist_train() {
  local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "$(fmnist-train --help 2> /dev/null | awk '/^Commands:/ {on = 1; next} on && !/^ / {exit} on {print $1}') --help --version" -- "$cur"))
    return
  fi
  if [[ $cur == = ]]; then # --option=, which bash takes for two words
    cur=
  elif [[ $previous == = ]]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  [[ $previous == -* ]] && _fmnist_train_value "$command" "$previous" && return
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$(fmnist-train "$command" --help 2> /dev/null | grep -oE '^  (-., )?--[a-z0-9-]+' | grep -oE -- '--.*')" -- "$cur"))
  elif [[ $command == info ]]; then
    _fmnist_train_files .safetensors
    COMPREPLY+=($(compgen -W "$(_fmnist_train_models)" -- "$cur"))
  fi
}
complete -F _fmnist_train fmnist-train
