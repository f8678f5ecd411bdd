package serve

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// envoyService is Envoy's external authorization over gRPC (envoy.service.auth.v3.Authorization).
type envoyService struct {
	authv3.UnimplementedAuthorizationServer

	service *service
}

// Check decides about one request.
func (e envoyService) Check(ctx context.Context, in *authv3.CheckRequest) (out *authv3.CheckResponse, err error) {
	now := e.service.state.Load()
	from := &http.Request{RemoteAddr: "unknown"}
	if p, ok := peer.FromContext(ctx); ok {
		from.RemoteAddr = p.Addr.String()
	}
	from = from.WithContext(ctx)
	if !now.isTrusted(from.RemoteAddr) {
		e.service.warn(from, notTrusted())
		return nil, status.Error(codes.PermissionDenied, "the address is not trusted")
	}
	defer func() { // gRPC recovers no panic; net/http does
		if fault := recover(); fault != nil {
			e.service.logger.LogAttrs(ctx, slog.LevelError, "serve: panic in a decision", slog.String("type", fmt.Sprintf("%T", fault)))
			out, err = nil, status.Error(codes.Internal, "internal error")
		}
	}()
	result := newResponse()
	o, fault := readCheck(in)
	if fault == nil {
		fault = now.decide(ctx, result, o)
	} else {
		now.guard.Deny(result, from, invalid(fault))
	}
	if fault != nil {
		e.service.warn(from, slog.String("detail", fault.Error()))
	}
	result.joinChallenges() // Envoy keeps one of several header fields with the same name, unless it is new enough
	if result.status == http.StatusOK {
		return now.accepted(result), nil
	}
	return denied(result), nil
}

// readCheck reads the description of the client's request. Envoy sends the header fields either as a map, in which it has
// joined repeated fields with commas, or as a list (encode_raw_headers).
func readCheck(in *authv3.CheckRequest) (original, error) {
	h := in.GetAttributes().GetRequest().GetHttp()
	o := original{method: h.GetMethod(), scheme: h.GetScheme(), host: h.GetHost(), target: h.GetPath(), header: make(http.Header)}
	if h == nil {
		return o, fmt.Errorf("%w: the attributes have no HTTP request", errOriginal)
	}
	raw := h.GetHeaderMap().GetHeaders()
	if len(raw) > 0 && len(h.GetHeaders()) > 0 {
		return o, fmt.Errorf("%w: the attributes have headers and header_map", errOriginal)
	}
	for name, value := range h.GetHeaders() {
		o.addField(name, value)
	}
	for _, field := range raw {
		value := field.GetValue()
		if value == "" {
			value = string(field.GetRawValue())
		}
		o.addField(field.GetKey(), value)
	}
	return o, nil
}

// addField adds a header field that is not a pseudo-header of HTTP/2.
func (o *original) addField(name, value string) {
	if !strings.HasPrefix(name, ":") {
		o.header.Add(name, value)
	}
}

// accepted returns the response to a request that passes. Envoy overwrites the fields for the API, or removes them if they
// are empty. The client receives the other header fields.
func (s *state) accepted(w *response) *authv3.CheckResponse {
	ok := new(authv3.OkHttpResponse)
	for _, h := range s.headers {
		value := w.header.Get(h.name)
		w.header.Del(h.name)
		if value == "" {
			ok.HeadersToRemove = append(ok.HeadersToRemove, strings.ToLower(h.name))
			continue
		}
		ok.Headers = append(ok.Headers, option(h.name, value, corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD))
	}
	if s.config.RemoveToken {
		ok.HeadersToRemove = append(ok.HeadersToRemove, credentialFields()...)
	}
	ok.ResponseHeadersToAdd = options(w.header)
	return &authv3.CheckResponse{
		Status:       &rpcstatus.Status{Code: int32(codes.OK)},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: ok},
	}
}

// denied returns the response to a request that is rejected.
func denied(w *response) *authv3.CheckResponse {
	code := codes.PermissionDenied
	switch w.status {
	case http.StatusUnauthorized:
		code = codes.Unauthenticated
	case http.StatusBadRequest:
		code = codes.InvalidArgument
	case http.StatusServiceUnavailable:
		code = codes.Unavailable
	}
	response := &authv3.DeniedHttpResponse{
		Status:  &typev3.HttpStatus{Code: typev3.StatusCode(w.status)}, //nolint:gosec // a status has three digits
		Headers: options(w.header),
		Body:    w.body.String(),
	}
	return &authv3.CheckResponse{
		Status:       &rpcstatus.Status{Code: int32(code)},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: response},
	}
}

// option returns a header field.
func option(name, value string, action corev3.HeaderValueOption_HeaderAppendAction) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header: &corev3.HeaderValue{Key: strings.ToLower(name), Value: value}, AppendAction: action,
	}
}

// options returns header fields for the client, sorted by name.
func options(header http.Header) []*corev3.HeaderValueOption {
	var list []*corev3.HeaderValueOption
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, line := range header[name] {
			list = append(list, option(name, line, corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD))
		}
	}
	return list
}
