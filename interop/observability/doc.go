// Package observability tries out docs/observability: its alerts and its dashboard are asked of the metrics that an API
// shows while all sorts of things happen to it. [Run] is such an API, [Store] what Prometheus would know of it, and the
// command draw makes the picture of the dashboard.
package observability
