// Package observability tests docs/observability. It evaluates the alerts and the queries of the dashboard on the metrics
// of an API that goes through outages and attacks. [Run] runs this API, [Store] contains the metrics that Prometheus would
// store, and the command draw draws the dashboard.
package observability
