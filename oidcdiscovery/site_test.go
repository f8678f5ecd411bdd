package oidcdiscovery_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The locations of an issuer without a path, and those of an issuer with the path /tenant.
const (
	plain        = "https://a.example"
	plainOAuth   = "https://a.example/.well-known/oauth-authorization-server"
	plainOpenID  = "https://a.example/.well-known/openid-configuration"
	tenant       = "https://a.example/tenant"
	tenantOAuth  = "https://a.example/.well-known/oauth-authorization-server/tenant"
	tenantOpenID = "https://a.example/tenant/.well-known/openid-configuration"

	tenantOpenIDInserted = "https://a.example/.well-known/openid-configuration/tenant"
	tenantOAuthAppended  = "https://a.example/tenant/.well-known/oauth-authorization-server"
)

// reply is the response of a location. The zero value is a 404.
type reply struct {
	status      int
	contentType string
	header      http.Header
	body        string
	err         error
	hang        bool // responds when the context of the request ends
	delay       time.Duration
}

// document returns a response with status 200 and JSON.
func document(body string) reply {
	return reply{status: http.StatusOK, contentType: "application/json", body: body}
}

// of returns the smallest document of an issuer.
func of(issuer string) reply { return document(`{"issuer":"` + issuer + `"}`) }

// site is a RoundTripper with a reply for each location. It records the requests.
type site struct {
	replies map[string]reply

	mu    sync.Mutex // guards what follows
	asked []string
}

func (s *site) client() *http.Client { return &http.Client{Transport: s} }

func (s *site) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.asked = append(s.asked, r.URL.String())
	s.mu.Unlock()

	a := s.replies[r.URL.String()]
	if a.delay > 0 {
		select {
		case <-time.After(a.delay):
		case <-r.Context().Done():
			return nil, context.Cause(r.Context())
		}
	}
	switch {
	case a.hang:
		<-r.Context().Done()
		return nil, context.Cause(r.Context())
	case a.err != nil:
		return nil, a.err
	case a.status == 0:
		a.status = http.StatusNotFound
	}
	header := a.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", a.contentType)
	return &http.Response{
		StatusCode: a.status, Header: header, Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: -1, Request: r,
	}, nil
}

var errNetwork = errors.New("connection refused")
