package client

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

// endsRefreshToken reports whether err, the error of a refresh, says that the refresh token has ended, so that sending it
// again is useless. The code for that is invalid_grant (RFC 6749, Section 5.2), but servers also send other codes, or no code
// at all, and some send codes with status 200. What counts is what the response is about:
//
//	the response                                                       is about        ends the token
//	a code that names the token: invalid_grant, invalid_token,
//	    bad_refresh_token, expired_token, token_revoked, …             the token       yes
//	invalid_request, if its description names scope, resource or
//	    another optional parameter of the refresh, and no refresh token    the request     no
//	any other invalid_request, or a code that ends in _required        the token       yes
//	a code that names the client, its DPoP proof or its grant types    the client      no
//	invalid_target, unsupported_…, redirect_uri_…                      the request     no
//	invalid_scope, if the refresh requested scopes                     the request     no
//	invalid_scope, if it did not                                       the token       yes
//	slow_down, temporarily_unavailable, rate_limited, …                the moment      no
//	a code that does not name the token, with a description that
//	    mentions a rate limit or too many requests                     the moment      no
//	another code with 401                                              the client      no
//	another code with 2xx or another 4xx                               the token       yes
//	another code with another status                                   the server      no
//	no code: 400 or 422                                                the token       yes
//	no code: 403, 404 or 410 with an empty body or a JSON object       the token       yes
//	no code: 403, 404 or 410 with another body, such as a web page     the network     no
//	no code: any other status, or a Retry-After header                 the network     no
//	any code with 3xx, 407, 408, 421, 425, 429, 502, 503 or 504        the network     no
//
// A code that names the token counts with every status that is not in the last row. A mistake has a cost in both
// directions: a user who must sign in again for nothing, or a session that stays signed in without a token. optional lists
// the names of the optional parameters in the refresh, such as scope.
func endsRefreshToken(err error, optional []string) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || isOfNetwork(e.Status) {
		return false
	}
	if e.Code == "" {
		_, tooLarge := errors.AsType[*fetch.TooLargeError](err) // then Body is not the body
		return !tooLarge && endsWithoutCode(e) || tooLarge && isBadRequest(e.Status)
	}
	definite := e.Status/100 == 2 || e.Status/100 == 4
	switch aboutOf(e, optional) {
	case aboutToken:
		return true
	case aboutUser:
		return definite
	case aboutElse:
		return false
	default: // a code that says nothing
		return definite && e.Status != http.StatusUnauthorized
	}
}

// about is what an error code is about.
type about int

const (
	aboutUnknown about = iota
	aboutToken         // the refresh token
	aboutUser          // something that only the user or a new grant can change
	aboutElse          // the client, the request, or the moment
)

// aboutOf returns what an error with a code is about. It looks for words in the code, because servers also send codes of
// their own.
func aboutOf(e *Error, optional []string) about {
	code := strings.ToLower(e.Code)
	switch {
	case ErrorCode(code) == ErrInvalidRequest && namesAny(e.Description, optional):
		return aboutElse
	case ErrorCode(code) == ErrInvalidScope && !slices.Contains(optional, "scope"): // the server no longer allows a scope of the grant
		return aboutUser
	case containsAny(code, "client", "dpop", "grant_type", "unsupported", "redirect_uri", "scope", "target", "resource",
		"authorization_details", "slow_down", "pending", "unavailable", "server_error", "internal", "fatal", "request_timeout", "rate_limit",
		"ratelimit", "too_many", "throttl", "quota", "try_again"):
		return aboutElse
	case ErrorCode(code) == ErrInvalidGrant, containsAny(code, "token"):
		return aboutToken
	case containsAny(strings.ToLower(e.Description), "too many requests", "rate limit"):
		return aboutElse
	case ErrorCode(code) == ErrInvalidRequest, strings.HasSuffix(code, "_required"):
		return aboutUser
	}
	return aboutUnknown
}

// namesAny reports whether a description names one of these parameters, in the singular or plural, and not the refresh token. A
// resource owner is a user, and not a parameter.
func namesAny(description string, parameters []string) bool {
	text := strings.ReplaceAll(strings.ToLower(description), "resource owner", "user")
	words := strings.FieldsFunc(text, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return !strings.Contains(text, "refresh") && slices.ContainsFunc(words, func(word string) bool {
		return slices.Contains(parameters, word) || slices.Contains(parameters, strings.TrimSuffix(word, "s"))
	})
}

// containsAny reports whether text contains one of words.
func containsAny(text string, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
}

// isOfNetwork reports whether a status is about the connection, the rate, or a server between the client and the
// authorization server, so that a code in the body does not count.
func isOfNetwork(status int) bool {
	switch status {
	case http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusMisdirectedRequest, http.StatusTooEarly,
		http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return status/100 == 3
}

// endsWithoutCode is endsRefreshToken for a response without a code. With 403, 404 and 410, the page of a proxy or of a
// firewall says nothing about the token.
func endsWithoutCode(e *Error) bool {
	if e.RetryAfter > 0 {
		return false
	}
	switch e.Status {
	case http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		body := bytes.TrimSpace(e.Body)
		return len(body) == 0 || body[0] == '{'
	}
	return isBadRequest(e.Status)
}

// isBadRequest reports whether a status says that the parameters of the request were rejected.
func isBadRequest(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusUnprocessableEntity
}
