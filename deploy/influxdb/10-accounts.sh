#!/bin/bash
# Run once by the influxdb:2 image after its first setup.
set -euo pipefail

bucket_id=$DOCKER_INFLUXDB_INIT_BUCKET_ID
bucket=$DOCKER_INFLUXDB_INIT_BUCKET
org=$DOCKER_INFLUXDB_INIT_ORG

# InfluxQL asks for a database and a retention policy: they are this bucket.
influx v1 dbrp create --org "$org" --bucket-id "$bucket_id" --db "$bucket" --rp autogen --default

# Grafana may read this bucket and nothing else.
influx v1 auth create --org "$org" --read-bucket "$bucket_id" --username grafana \
    --password "$(cat /run/secrets/influxdb-grafana-password)" >/dev/null

# vagalwatch may write this bucket and nothing else. InfluxDB shows a token only now (it keeps a
# hash), so it is left beside the data until it is taken from there (docs/deploy.md).
umask 077
influx auth create --org "$org" --write-bucket "$bucket_id" \
    --description "vagalwatch: writes only" --json |
    sed -n 's/.*"token": *"\([^"]*\)".*/\1/p' >/var/lib/influxdb2/vagalwatch-token
test -s /var/lib/influxdb2/vagalwatch-token
