package fetch

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// The error texts have no package prefix. [Get] and [Send] put the method and the URL in front of them, and their callers
// add the prefix.

// ErrNoResponse reports that no complete response was received: the network failed, the time limit was reached, or the
// connection closed too early.
var ErrNoResponse = errors.New("no complete response")

// TimeoutError reports that a request did not finish within its time limit.
type TimeoutError struct {
	Limit time.Duration
}

// Error names the limit.
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("time limit of %v exceeded", e.Limit)
}

// Timeout implements the method of that name in [net.Error]. It returns true.
func (e *TimeoutError) Timeout() bool { return true }

// TooLargeError reports that the body or the header of a response is longer than Limit bytes. No part of the response
// is used.
type TooLargeError struct {
	Limit int64

	// Status is the status code of the response.
	Status int

	header bool // the header was too long, not the body
}

// Error names the limit, and whether the header or the body exceeded it.
func (e *TooLargeError) Error() string {
	if e.header {
		return fmt.Sprintf("header is longer than the limit of %d bytes", e.Limit)
	}
	return fmt.Sprintf("body is longer than the limit of %d bytes", e.Limit)
}

// StatusError reports a response with an unexpected status code.
type StatusError struct {
	Status int

	// RetryAfter is the pause that the server requests (RFC 9110 §10.2.3), at most [MaxRetryAfter]. It is zero if the
	// response has no valid Retry-After header.
	RetryAfter time.Duration
}

// Error names the status and the requested pause.
func (e *StatusError) Error() string {
	if e.RetryAfter > 0 {
		return fmt.Sprintf("status %d, retry after %v", e.Status, e.RetryAfter)
	}
	return fmt.Sprintf("status %d", e.Status)
}

// RedirectError reports a redirect. This package does not follow redirects. A document belongs to an issuer because of
// its URL, and a redirect can lead to any host, even to one in the internal network. A caller that has a setting for the
// new location names it in its own error.
type RedirectError struct {
	Status int

	// Location is the scheme, host and path of the target. It is empty if the header is not a valid URL.
	Location string
}

// Error names the status and the location.
func (e *RedirectError) Error() string {
	target := "an invalid location"
	if e.Location != "" {
		target = strconv.Quote(clip(e.Location))
	}
	return fmt.Sprintf("status %d redirects to %s, redirects are not followed", e.Status, target)
}

// URLError reports a URL that this package does not send requests to. The field URL has no query, fragment or user
// information, and is empty if the text is not a URL.
type URLError struct {
	URL     string
	Problem string
}

func (e *URLError) Error() string {
	if e.URL == "" {
		return "URL " + e.Problem
	}
	return fmt.Sprintf("URL %q %s", clip(e.URL), e.Problem)
}

// AddressError reports an address of a host that is not on the public internet.
type AddressError struct {
	Address string
}

func (e *AddressError) Error() string {
	return fmt.Sprintf("address %s is not public (PublicAddressesOnly)", e.Address)
}

// clippedError limits the text of an error of the transport, which may quote a header of up to 10 MiB.
type clippedError struct{ error }

// Error returns at most 1000 bytes of the text.
func (e clippedError) Error() string { return clipTo(e.error.Error(), 1000) }

// Unwrap returns the error with the whole text.
func (e clippedError) Unwrap() error { return e.error }

// clip limits a URL that a server has chosen to 200 bytes.
func clip(text string) string { return clipTo(text, 200) }

// clipTo returns at most longest bytes of text, and a mark if some are missing.
func clipTo(text string, longest int) string {
	if len(text) > longest {
		return text[:longest] + "…"
	}
	return text
}
