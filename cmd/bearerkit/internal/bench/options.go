package bench

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

// Options configures a run. Each limit applies to each kind of request separately.
type Options struct {
	// URL is the guarded endpoint: http or https, without user information and fragment.
	URL string

	// ConfirmTarget is the host in URL. It confirms that the user may send load to this host. Empty: only loopback addresses are
	// accepted.
	ConfirmTarget string

	// Method is the method of all requests: GET, HEAD or POST. A POST has an empty body. Empty: GET.
	Method string

	// Duration limits the time in which requests are started. Zero: 5 s, or no limit of its own if Requests is set.
	Duration time.Duration

	// Requests limits the number of requests. Zero: no limit of its own.
	Requests int

	// Concurrency is the number of connections, each with at most one request at a time. Zero: 8.
	Concurrency int

	// Rate limits the requests per second. With it, latency counts from the time at which a request was due. Zero: no limit.
	Rate int

	// Timeout limits each request, from its start to the last byte of the response. Zero: 10 s.
	Timeout time.Duration

	// Expect and ExpectRejected list the expected statuses of requests with valid tokens and of other requests. Nil: any status
	// from 200 to 299, and 401. A malformed token may also have the status 400.
	Expect, ExpectRejected []int
}

// Limits of the options. docs/bounds.md lists them.
const (
	maxDuration    = 10 * time.Minute
	maxRequests    = 10_000_000
	maxConcurrency = 256
	maxRate        = 100_000
	maxTimeout     = time.Minute
)

// The defaults of the options.
const (
	defaultDuration    = 5 * time.Second
	defaultConcurrency = 8
	defaultTimeout     = 10 * time.Second
)

// withDefaults returns o with the defaults, or an error that names each flag that is not valid.
func (o Options) withDefaults() (Options, error) {
	var faults []error
	inRange := func(flag string, value, least, most int) {
		if value < least || value > most {
			faults = append(faults, fmt.Errorf("--%s is %d, expected %d to %d", flag, value, least, most))
		}
	}
	inTime := func(flag string, value, most time.Duration) {
		if value < 0 || value > most {
			faults = append(faults, fmt.Errorf("--%s is %v, expected 0 to %v", flag, value, most))
		}
	}
	inTime("duration", o.Duration, maxDuration)
	inTime("timeout", o.Timeout, maxTimeout)
	inRange("requests", o.Requests, 0, maxRequests)
	inRange("concurrency", o.Concurrency, 0, maxConcurrency)
	inRange("rate", o.Rate, 0, maxRate)
	for _, status := range slices.Concat(o.Expect, o.ExpectRejected) {
		if status < http.StatusOK || status > 599 {
			faults = append(faults, fmt.Errorf("an expected status is %d, expected 200 to 599", status))
		}
	}
	if o.Method == "" {
		o.Method = http.MethodGet
	}
	if methods := methods(); !slices.Contains(methods, o.Method) {
		faults = append(faults, fmt.Errorf("--method is %s, expected one of %s", cli.QuoteWord(o.Method), strings.Join(methods, ", ")))
	}
	switch {
	case o.Duration == 0 && o.Requests == 0:
		o.Duration = defaultDuration
	case o.Duration == 0:
		o.Duration = maxDuration
	}
	if o.Concurrency == 0 {
		o.Concurrency = defaultConcurrency
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	return o, errors.Join(faults...)
}

// methods returns the methods that Options.Method may have. They have no effect on the path of a Guard, and the requests have no
// body.
func methods() []string { return []string{http.MethodGet, http.MethodHead, http.MethodPost} }
