package ssf_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/ssf"
)

// recorded is a transmitter that records requests and returns prepared responses.
type recorded struct {
	metadata object
	status   int
	body     string
	header   http.Header

	mu       sync.Mutex // guards the fields below
	requests []string   // method, URL, Authorization and body
	fetches  int        // of the metadata
}

func newRecorded() *recorded {
	return &recorded{status: http.StatusOK, metadata: object{
		"issuer": "https://tr.test/tenant", "spec_version": "1_0", "jwks_uri": "https://tr.test/jwks",
		"delivery_methods_supported": []string{ssf.DeliveryPush}, "default_subjects": "NONE",
		"configuration_endpoint": "https://tr.test/stream?v=1", "status_endpoint": "https://tr.test/status",
		"add_subject_endpoint": "https://tr.test/add", "remove_subject_endpoint": "https://tr.test/remove",
		"verification_endpoint": "https://tr.test/verify", "authorization_schemes": []object{{"spec_urn": "urn:ietf:rfc:6749"}},
	}}
}

func (s *recorded) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.String() == "https://tr.test/.well-known/ssf-configuration/tenant" && r.Header.Get("Authorization") == "" {
		s.fetches++
		body, err := json.Marshal(s.metadata)
		return respond(http.StatusOK, string(body)), err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.requests = append(s.requests, strings.TrimSpace(r.Method+" "+r.URL.String()+" "+r.Header.Get("Authorization")+" "+string(body)))
	response := respond(s.status, s.body)
	for name := range s.header {
		response.Header.Set(name, s.header.Get(name))
	}
	return response, nil
}

func (s *recorded) transmitter(t testing.TB) *ssf.Transmitter {
	t.Helper()
	transmitter, err := ssf.NewTransmitter(ssf.TransmitterConfig{
		Issuer: "https://tr.test/tenant", HTTPClient: &http.Client{Transport: s},
		Token: func(context.Context) (string, error) { return "T", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return transmitter
}

const streamText = `{"stream_id":"s1","iss":"https://tr.test/tenant","aud":"https://api.test","events_supported":["a","b"],
	"events_requested":["a","c"],"events_delivered":["a"],"min_verification_interval":60,"inactivity_timeout":86400,
	"delivery":{"method":"urn:ietf:rfc:8936","endpoint_url":"https://tr.test/poll"},"description":"d","unknown":{"a":[]}}`

// Each method sends the request of SSF section 8.
func TestTransmitter_Requests(t *testing.T) {
	t.Parallel()
	settings := ssf.StreamSettings{
		EventsRequested: []string{"a"}, Description: "d",
		Delivery: &ssf.Delivery{Method: ssf.DeliveryPush, EndpointURL: "https://api.test/events", AuthorizationHeader: "Bearer x"},
	}
	const settingsText = `"events_requested":["a"],"delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"https://api.test/events","authorization_header":"Bearer x"},"description":"d"}`
	ctx := t.Context()
	one := func(_ any, err error) error { return err }
	tests := map[string]struct {
		call   func(tr *ssf.Transmitter) error
		status int
		body   string
		want   string
	}{
		"create": {
			func(tr *ssf.Transmitter) error { return one(tr.CreateStream(ctx, settings)) }, http.StatusCreated, streamText,
			`POST https://tr.test/stream?v=1 Bearer T {` + settingsText,
		},
		"create for polling": {
			func(tr *ssf.Transmitter) error { return one(tr.CreateStream(ctx, ssf.StreamSettings{})) }, http.StatusCreated, streamText,
			`POST https://tr.test/stream?v=1 Bearer T {}`,
		},
		"read": {
			func(tr *ssf.Transmitter) error { return one(tr.Stream(ctx, "s 1&x=y")) }, http.StatusOK, streamText,
			`GET https://tr.test/stream?stream_id=s+1%26x%3Dy&v=1 Bearer T`,
		},
		"list": {
			func(tr *ssf.Transmitter) error { return one(tr.Streams(ctx)) }, http.StatusOK, "[" + streamText + "]",
			`GET https://tr.test/stream?v=1 Bearer T`,
		},
		"update": {
			func(tr *ssf.Transmitter) error {
				return one(tr.UpdateStream(ctx, "s1", ssf.StreamSettings{Description: "d"}))
			}, http.StatusOK, streamText,
			`PATCH https://tr.test/stream?v=1 Bearer T {"stream_id":"s1","description":"d"}`,
		},
		"replace": {
			func(tr *ssf.Transmitter) error { return one(tr.ReplaceStream(ctx, "s1", settings)) }, http.StatusOK, streamText,
			`PUT https://tr.test/stream?v=1 Bearer T {"stream_id":"s1",` + settingsText,
		},
		"delete": {
			func(tr *ssf.Transmitter) error { return tr.DeleteStream(ctx, "s1") }, http.StatusNoContent, "",
			`DELETE https://tr.test/stream?stream_id=s1&v=1 Bearer T`,
		},
		"status": {
			func(tr *ssf.Transmitter) error { return one(tr.Status(ctx, "s1")) }, http.StatusOK, `{"stream_id":"s1","status":"enabled"}`,
			`GET https://tr.test/status?stream_id=s1 Bearer T`,
		},
		"set status": {
			func(tr *ssf.Transmitter) error {
				return one(tr.SetStatus(ctx, ssf.StreamStatus{StreamID: "s1", Status: ssf.StatusPaused}))
			}, http.StatusOK, `{"stream_id":"s1","status":"paused"}`,
			`POST https://tr.test/status Bearer T {"stream_id":"s1","status":"paused"}`,
		},
		"add subject": {
			func(tr *ssf.Transmitter) error {
				return tr.AddSubject(ctx, "s1", ssf.EmailSubject("a@example.com"), true)
			}, http.StatusOK, "",
			`POST https://tr.test/add Bearer T {"stream_id":"s1","subject":{"email":"a@example.com","format":"email"},"verified":true}`,
		},
		"remove subject": {
			func(tr *ssf.Transmitter) error {
				return tr.RemoveSubject(ctx, "s1", ssf.IssuerSubject("https://i.test", "u"))
			}, http.StatusNoContent, "",
			`POST https://tr.test/remove Bearer T {"stream_id":"s1","subject":{"format":"iss_sub","iss":"https://i.test","sub":"u"}}`,
		},
		"verify": {
			func(tr *ssf.Transmitter) error { return tr.RequestVerification(ctx, "s1", "state") }, http.StatusNoContent, "",
			`POST https://tr.test/verify Bearer T {"state":"state","stream_id":"s1"}`,
		},
		"verify without state": {
			func(tr *ssf.Transmitter) error { return tr.RequestVerification(ctx, "s1", "") }, http.StatusNoContent, "",
			`POST https://tr.test/verify Bearer T {"stream_id":"s1"}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newRecorded()
			server.status, server.body = tt.status, tt.body
			tr := server.transmitter(t)
			if err := tt.call(tr); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.want}, server.requests); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			server.status, server.header = http.StatusTooManyRequests, http.Header{"Retry-After": {"7"}}
			err := tt.call(tr)
			if e, ok := errors.AsType[*ssf.StatusError](err); !ok || e.Status != http.StatusTooManyRequests || e.RetryAfter != 7*time.Second {
				t.Errorf("after the status 429: %v", err)
			}
			server.status, server.header = http.StatusFound, http.Header{"Location": {"https://evil.test/"}}
			if err := tt.call(tr); err == nil || len(server.requests) != 3 {
				t.Errorf("a redirect: %v, %d requests", err, len(server.requests))
			}
			server.metadata = object{"issuer": "https://tr.test/tenant"}
			if err := tt.call(server.transmitter(t)); err == nil || !strings.Contains(err.Error(), "_endpoint") {
				t.Errorf("without the endpoint: %v", err)
			}
		})
	}
}

// The configuration of a stream is read completely. One of another issuer is an error, because its SETs would be rejected.
func TestTransmitter_Streams(t *testing.T) {
	t.Parallel()
	server := newRecorded()
	tr := server.transmitter(t)
	server.body = streamText
	got, err := tr.Stream(t.Context(), "s1")
	if err != nil {
		t.Fatal(err)
	}
	want := &ssf.Stream{
		ID: "s1", Issuer: "https://tr.test/tenant", Audience: []string{"https://api.test"}, EventsSupported: []string{"a", "b"},
		EventsDelivered: []string{"a"}, MinVerificationInterval: time.Minute, InactivityTimeout: 24 * time.Hour,
		StreamSettings: ssf.StreamSettings{
			EventsRequested: []string{"a", "c"}, Description: "d",
			Delivery: &ssf.Delivery{Method: ssf.DeliveryPoll, EndpointURL: "https://tr.test/poll"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stream (-want +got):\n%s", diff)
	}
	for name, body := range map[string]string{
		"another issuer":  strings.Replace(streamText, "tr.test/tenant", "tr.test/other", 1),
		"no id":           strings.Replace(streamText, `"s1"`, `""`, 1),
		"a list":          "[" + streamText + "]",
		"a number as aud": strings.Replace(streamText, `"aud":"https://api.test"`, `"aud":7`, 1),
		"nothing":         "",
		"duplicates":      strings.Replace(streamText, `"stream_id"`, `"iss":"https://tr.test/tenant","stream_id"`, 1),
		"deep":            `{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
		"too long":        strings.Replace(streamText, `"d"`, `"`+strings.Repeat("d", 512<<10)+`"`, 1),
	} {
		server.body = body
		if s, err := tr.Stream(t.Context(), "s1"); err == nil {
			t.Errorf("%s: %+v", name, s)
		}
		if _, err := tr.Streams(t.Context()); (err == nil) != (name == "a list") {
			t.Errorf("%s as the list of streams: %v", name, err)
		}
	}
	server.body = `[]`
	if streams, err := tr.Streams(t.Context()); err != nil || len(streams) != 0 {
		t.Errorf("an empty list: %v, %v", streams, err)
	}
	for _, body := range []string{`[1]`, `["x"]`, `],"x":[`} {
		server.body = body
		if streams, err := tr.Streams(t.Context()); err == nil {
			t.Errorf("%s: %v", body, streams)
		}
	}
}

// The metadata is fetched once an hour, and used only if its issuer is the configured one.
func TestTransmitter_Metadata(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newRecorded()
		tr := server.transmitter(t)
		for range 3 {
			m, err := tr.Metadata(t.Context())
			if err != nil || m.VerificationEndpoint != "https://tr.test/verify" || m.DefaultSubjects != "NONE" {
				t.Fatalf("%+v, %v", m, err)
			}
		}
		if server.fetches != 1 {
			t.Errorf("%d fetches, want 1", server.fetches)
		}
		time.Sleep(time.Hour)
		server.metadata["issuer"] = "https://tr.test/tenant/"
		if _, err := tr.Metadata(t.Context()); err == nil || !strings.Contains(err.Error(), "issuer is") {
			t.Errorf("metadata of another issuer: %v", err)
		}
		if err := tr.DeleteStream(t.Context(), "s1"); err == nil || len(server.requests) != 0 {
			t.Errorf("a request was sent with metadata of another issuer: %v", err)
		}
	})
}

// Endpoints without TLS, and addresses that are not public, are not used.
func TestTransmitter_URLs(t *testing.T) {
	t.Parallel()
	server := newRecorded()
	for _, endpoint := range []string{"http://tr.test/stream", "https://user@tr.test/stream", "/stream", "file:///stream", "https://tr.test/#x"} {
		server.metadata["configuration_endpoint"] = endpoint
		if _, err := server.transmitter(t).Stream(t.Context(), "s1"); err == nil || len(server.requests) != 0 {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
	tr, err := ssf.NewTransmitter(ssf.TransmitterConfig{Issuer: "https://127.0.0.1:1", PublicAddressesOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Metadata(t.Context()); err == nil || !strings.Contains(err.Error(), "PublicAddressesOnly") {
		t.Errorf("a private address: %v", err)
	}
	_, err = ssf.NewTransmitter(ssf.TransmitterConfig{
		Issuer: "http://tr.test", MetadataURL: "x", Timeout: time.Hour, PublicAddressesOnly: true, HTTPClient: &http.Client{Transport: server},
	})
	for _, want := range []string{"TransmitterConfig.Issuer", "TransmitterConfig.MetadataURL", "TransmitterConfig.Timeout", "TransmitterConfig.HTTPClient"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
	big := ssf.StreamSettings{Description: strings.Repeat("d", 64<<10)}
	server.metadata["configuration_endpoint"] = "https://tr.test/stream"
	if _, err := server.transmitter(t).CreateStream(t.Context(), big); err == nil || len(server.requests) != 0 {
		t.Errorf("a long request: %v", err)
	}
	if err := server.transmitter(t).AddSubject(t.Context(), "s1", ssf.Subject{Format: "ip-addresses"}, true); err == nil {
		t.Error("an incomplete Subject was sent")
	}
}

// The secret of a push stream appears in no text of fmt.
func TestDelivery_HidesTheSecret(t *testing.T) {
	t.Parallel()
	d := ssf.Delivery{Method: ssf.DeliveryPush, EndpointURL: "https://api.test/events", AuthorizationHeader: authorization}
	settings := ssf.StreamSettings{Delivery: &d, EventsRequested: []string{"a"}}
	for _, value := range []any{
		d, &d, settings, &settings, ssf.Stream{StreamSettings: settings}, ssf.PushConfig{Authorization: []string{authorization}},
	} {
		text := new(log)
		slog.New(slog.NewJSONHandler(text, nil)).LogAttrs(t.Context(), slog.LevelInfo, "text", slog.Any("value", value))
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			_, _ = fmt.Fprintf(text, verb, value)
		}
		if strings.Contains(text.String(), authorization) {
			t.Errorf("%s", text)
		}
	}
}

// VerifyStream returns when the event with its state has arrived, in any process with the same Storage.
func TestVerifyStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		server := newRecorded()
		server.status = http.StatusNoContent
		tr := server.transmitter(t)
		done := make(chan error, 1)
		go func() { done <- w.receiver.VerifyStream(t.Context(), tr, "s1") }()
		pause(10 * time.Second)
		if len(done) != 0 || len(server.requests) != 1 {
			t.Fatalf("%d results, requests %v", len(done), server.requests)
		}
		_, text, _ := strings.Cut(server.requests[0], " T ")
		var request struct{ State string }
		if err := json.Unmarshal([]byte(text), &request); err != nil || request.State == "" {
			t.Fatalf("request %s: %v", text, err)
		}
		event := w.set(ssf.TypeVerification, opaque("s1"), object{"state": request.State})
		if err := w.newReceiver(t, nil).Receive(t.Context(), event.Sign()); err != nil {
			t.Fatal(err)
		}
		pause(time.Second)
		if err := <-done; err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := w.receiver.VerifyStream(ctx, tr, "s1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without an event: %v", err)
		}
		server.status = http.StatusNotFound
		err := w.receiver.VerifyStream(t.Context(), tr, "s1")
		if e, ok := errors.AsType[*ssf.StatusError](err); !ok || e.Status != http.StatusNotFound {
			t.Errorf("an unknown stream: %v", err)
		}
	})
}
