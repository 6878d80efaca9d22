#!/bin/sh
# Started by go2rtc or MediaMTX with the sink to use. The quotes matter: redact itself fills ${...} in, from the
# environment or $CREDENTIALS_DIRECTORY, so that no password is in a command line that others can list.
exec redact stream --name yard 'rtsp://${CAM_USER}:${CAM_PASS}@10.0.0.5/Streaming/Channels/101' "$1"
