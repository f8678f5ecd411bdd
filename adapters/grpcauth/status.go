package grpcauth

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/bearerkit/bearerkit/middleware"
)

// ErrorDomain is the domain of the details google.rpc.ErrorInfo of rejected calls.
const ErrorDomain = "github.com/bearerkit/bearerkit"

// statusOf returns the status for a rejection. It contains only what the HTTP response would contain. retryAfter is the value
// of the header field Retry-After, a number of seconds or empty.
func statusOf(refusal *middleware.Refusal, retryAfter string) *status.Status {
	message := refusal.Code
	if message == "" {
		message = strings.ToLower(http.StatusText(refusal.Status))
	}
	if refusal.Status == statusCallerGone {
		message = "the client has canceled the call"
	}
	bare := status.New(codeOf(refusal.Status), message)
	var details []protoadapt.MessageV1
	if refusal.Code != "" {
		details = append(details, infoOf(refusal))
	}
	if seconds, err := strconv.Atoi(retryAfter); err == nil {
		delay := durationpb.New(time.Duration(seconds) * time.Second)
		details = append(details, &errdetails.RetryInfo{RetryDelay: delay})
	}
	if full, err := bare.WithDetails(details...); err == nil {
		return full
	}
	return bare
}

// infoOf returns the detail with the error code and the parameters of the challenge.
func infoOf(refusal *middleware.Refusal) *errdetails.ErrorInfo {
	info := &errdetails.ErrorInfo{
		Domain: ErrorDomain, Reason: strings.Map(upper, refusal.Code), Metadata: make(map[string]string),
	}
	if len(refusal.Scopes) > 0 {
		info.Metadata["scope"] = strings.Join(refusal.Scopes, " ")
	}
	if len(refusal.ACRValues) > 0 {
		info.Metadata["acr_values"] = strings.Join(refusal.ACRValues, " ")
	}
	if refusal.MaxAge > 0 {
		info.Metadata["max_age"] = strconv.Itoa(refusal.MaxAge)
	}
	return info
}

// upper converts a character of an error code for ErrorInfo.Reason, which contains only A to Z, 0 to 9 and _.
func upper(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z':
		return r - 'a' + 'A'
	case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return r
	}
	return '_'
}

// statusCallerGone is the status of a Refusal if the client has canceled the request.
const statusCallerGone = 499

// codeOf returns the gRPC code for an HTTP status. The Guard uses the statuses of the first five cases. A Refusal of the
// application may have any other status. Malformed credentials (400) become Unauthenticated, which is defined as a call
// without valid credentials. InvalidArgument would point to a fault in the message. Package connectauth has the same table, with the
// codes of connect-go. Adapters share no code, so that each depends on one framework only.
func codeOf(status int) codes.Code {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case statusCallerGone:
		return codes.Canceled
	case http.StatusInternalServerError:
		return codes.Internal
	case http.StatusServiceUnavailable:
		return codes.Unavailable
	case http.StatusNotFound:
		return codes.NotFound
	case http.StatusConflict:
		return codes.Aborted
	case http.StatusTooManyRequests:
		return codes.ResourceExhausted
	case http.StatusGatewayTimeout:
		return codes.DeadlineExceeded
	}
	if 400 <= status && status < 500 {
		return codes.PermissionDenied
	}
	return codes.Internal
}
