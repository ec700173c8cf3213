#!/bin/sh
# Lays out what goes into the image of one service: gather.sh SERVICE SOURCE TARGET. Runs while the image is built.
set -eu
service=$1 source=$2 target=$3
mkdir -p "$target/app" "$target/bin"
cp -r "$source/shared" "$target/app/shared"
cp "$source/LICENSE" "$target/LICENSE"
if [ "$service" = operations ]; then
    mkdir -p "$target/app/deploy"
    cp "$source/deploy/__init__.py" "$target/app/deploy/"
    cp -r "$source/deploy/compose" "$target/app/deploy/compose"
    printf '#!/bin/sh\nexec python3 -c "from shared.cli import main; main(prog_name='"'speedmentor'"')" "$@"\n' > "$target/bin/speedmentor"
    printf '#!/bin/sh\nexec speedmentor --help\n' > "$target/bin/service"
    printf '#!/bin/sh\nexit 0\n' > "$target/bin/healthy"
else
    test -f "$source/services/$service/__main__.py" || { echo "there is no service $service" >&2; exit 1; }
    mkdir -p "$target/app/services"
    cp "$source/services/__init__.py" "$target/app/services/"
    cp -r "$source/services/$service" "$target/app/services/$service"
    printf '#!/bin/sh\nexec python3 -m "services.$SERVICE"\n' > "$target/bin/service"
    printf '#!/bin/sh\nexec python3 -S %s/healthy.py\n' "$target" > "$target/bin/healthy"
    cp "$source/deploy/images/healthy.py" "$target/healthy.py"
fi
chmod 755 "$target"/bin/*
# The file system is read-only when it runs: what Python would compile then is compiled now.
python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash "$target/app"
