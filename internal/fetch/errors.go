package fetch

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The texts carry no package prefix: [Get] puts method and URL before them, and the caller its own name.

// ErrNoAnswer says that no complete answer came: the network failed, the time limit was reached, the answer broke off.
var ErrNoAnswer = errors.New("no complete answer")

// TimeoutError says that the request was not done within the time limit.
type TimeoutError struct {
	Limit time.Duration
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("time limit of %v reached", e.Limit)
}

// Timeout returns true, as the method of that name in net.Error.
func (e *TimeoutError) Timeout() bool { return true }

// TooLargeError says that the body is longer than Limit bytes, or the header. None of it was used.
type TooLargeError struct {
	Limit int64

	// Status is that of the answer.
	Status int

	header bool
}

func (e *TooLargeError) Error() string {
	if e.header {
		return fmt.Sprintf("header is longer than the limit of %d bytes", e.Limit)
	}
	return fmt.Sprintf("body is longer than the limit of %d bytes", e.Limit)
}

// StatusError says that the answer came with a status that is no success.
type StatusError struct {
	Status int

	// RetryAfter is how long the server asks to stay away (RFC 9110 §10.2.3), at most [MaxRetryAfter]. Zero: it did
	// not say.
	RetryAfter time.Duration
}

func (e *StatusError) Error() string {
	if e.RetryAfter > 0 {
		return fmt.Sprintf("status %d, retry after %v", e.Status, e.RetryAfter)
	}
	return fmt.Sprintf("status %d", e.Status)
}

// RedirectError says that the server pointed elsewhere. Redirects are not followed: the place of a document is what
// ties it to its issuer, and a redirect could lead anywhere, also inwards.
type RedirectError struct {
	Status int

	// Location is where to, without query and user info. Empty if it could not be read.
	Location string
}

func (e *RedirectError) Error() string {
	return fmt.Sprintf("status %d redirects to %q, redirects are not followed", e.Status, clip(e.Location))
}

// ContentTypeError says that the answer has another media type than was asked for.
type ContentTypeError struct {
	Got  string
	Want []string
}

func (e *ContentTypeError) Error() string {
	return fmt.Sprintf("content type is %q, want %s", clip(e.Got), strings.Join(e.Want, " or "))
}

// URLError says that a URL is not one to fetch from. URL has no query, fragment or user info, and is empty if the text
// could not be taken apart.
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

// AddressError says that a host's address is not on the public internet.
type AddressError struct {
	Address string
}

func (e *AddressError) Error() string {
	return fmt.Sprintf("address %s is not public", e.Address)
}

// clip bounds what a server's own words can take of an error text.
func clip(text string) string {
	const longest = 200
	if len(text) > longest {
		return text[:longest] + "…"
	}
	return text
}
