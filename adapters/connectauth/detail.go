package connectauth

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/bearerkit/bearerkit/middleware"
)

// ErrorDomain is the domain of the details google.rpc.ErrorInfo of rejected calls.
const ErrorDomain = "github.com/bearerkit/bearerkit"

// Error converts err, such as the error of [middleware.Apply], to an error that a handler can return. If err contains a
// [*middleware.Refusal], the result is a [*connect.Error] with the code and the details of a rejected call, but without a
// challenge. Do not return the Refusal itself: its text is for operators, and connect-go would send it to the client. Error
// returns nil and all other errors unchanged.
func Error(err error) error {
	refusal, ok := errors.AsType[*middleware.Refusal](err)
	if !ok {
		return err
	}
	if refusal == nil {
		refusal = &middleware.Refusal{Status: http.StatusInternalServerError}
	}
	return errorOf(refusal, nil)
}

// errorOf returns the error that a client receives for refusal. It contains nothing that the header of the response does not
// contain: the code and the parameters of the challenge as a google.rpc.ErrorInfo, and Retry-After as a google.rpc.RetryInfo.
func errorOf(refusal *middleware.Refusal, header http.Header) *connect.Error {
	message := cmp.Or(refusal.Code, strings.ToLower(http.StatusText(refusal.Status)))
	if refusal.Status == statusCallerGone {
		message = "the client has canceled the call"
	}
	err := connect.NewError(codeOf(refusal.Status), errors.New(message))
	if refusal.Code != "" {
		addDetail(err, infoOf(refusal))
	}
	if seconds, fault := strconv.Atoi(header.Get("Retry-After")); fault == nil {
		addDetail(err, &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Duration(seconds) * time.Second)})
	}
	return err
}

// addDetail adds a detail to err. Encoding a message of these types does not fail.
func addDetail(err *connect.Error, message proto.Message) {
	if detail, fault := connect.NewErrorDetail(message); fault == nil {
		err.AddDetail(detail)
	}
}

// infoOf returns the detail with the error code and the parameters of a challenge. The reason is the code in upper case, such
// as INVALID_TOKEN.
func infoOf(refusal *middleware.Refusal) *errdetails.ErrorInfo {
	info := &errdetails.ErrorInfo{Reason: strings.Map(upper, refusal.Code), Domain: ErrorDomain, Metadata: map[string]string{}}
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

// codeOf returns the code for the HTTP status of a Refusal. The Guard uses the statuses of the first five cases. A Refusal of
// the application may have any other status. Malformed credentials (400) become CodeUnauthenticated, because
// CodeInvalidArgument would point to a fault in the message.
func codeOf(status int) connect.Code {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized:
		return connect.CodeUnauthenticated
	case http.StatusForbidden:
		return connect.CodePermissionDenied
	case statusCallerGone:
		return connect.CodeCanceled
	case http.StatusInternalServerError:
		return connect.CodeInternal
	case http.StatusServiceUnavailable:
		return connect.CodeUnavailable
	case http.StatusNotFound:
		return connect.CodeNotFound
	case http.StatusConflict:
		return connect.CodeAborted
	case http.StatusTooManyRequests:
		return connect.CodeResourceExhausted
	case http.StatusGatewayTimeout:
		return connect.CodeDeadlineExceeded
	}
	if 400 <= status && status < 500 {
		return connect.CodePermissionDenied
	}
	return connect.CodeInternal
}
