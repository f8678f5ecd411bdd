package ssf

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// CreateStream creates a stream (SSF section 8.1.1.1). Check the Audience and EventsDelivered of the result.
func (t *Transmitter) CreateStream(ctx context.Context, settings StreamSettings) (*Stream, error) {
	body, err := json.Marshal(settings)
	if err != nil {
		return nil, fmt.Errorf("ssf: StreamSettings: %w", err)
	}
	return t.sendStream(ctx, http.MethodPost, "", body, http.StatusCreated, http.StatusOK)
}

// Stream returns the configuration of a stream (SSF section 8.1.1.2).
func (t *Transmitter) Stream(ctx context.Context, id string) (*Stream, error) {
	return t.sendStream(ctx, http.MethodGet, id, nil, http.StatusOK)
}

// Streams returns the configurations of all streams of this receiver. It fails if one of them cannot be read, because a program that
// does not see a stream could create it again.
func (t *Transmitter) Streams(ctx context.Context) ([]*Stream, error) {
	m, err := t.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	text, err := t.send(ctx, http.MethodGet, "configuration_endpoint", m.ConfigurationEndpoint, nil, http.StatusOK)
	if err != nil {
		return nil, err
	}
	o, err := compact.ParseObject(`{"streams":`+text+`}`, maxDepth) // the parser reads objects only
	if err != nil {
		return nil, fmt.Errorf("ssf: streams: %w", err)
	}
	list, _ := o.Get("streams")
	if list.Kind() != compact.KindArray {
		return nil, fmt.Errorf("ssf: streams: the response is of type %s, expected an array", list.Kind())
	}
	var streams []*Stream
	for v := range list.Elements() {
		configuration, ok := v.Object()
		if !ok {
			return nil, fmt.Errorf("ssf: streams: an element is of type %s, expected an object", v.Kind())
		}
		s, err := t.parseStream(configuration)
		if err != nil {
			return nil, err
		}
		streams = append(streams, s)
	}
	return streams, nil
}

// UpdateStream changes the given settings of a stream, and no others (SSF section 8.1.1.3).
func (t *Transmitter) UpdateStream(ctx context.Context, id string, settings StreamSettings) (*Stream, error) {
	return t.change(ctx, http.MethodPatch, id, settings)
}

// ReplaceStream replaces all settings of a stream. Settings that are empty are deleted (SSF section 8.1.1.4).
func (t *Transmitter) ReplaceStream(ctx context.Context, id string, settings StreamSettings) (*Stream, error) {
	return t.change(ctx, http.MethodPut, id, settings)
}

// change sends the settings of a stream that exists. The id is in the body, and not in the URL (SSF sections 8.1.1.3 and 8.1.1.4).
func (t *Transmitter) change(ctx context.Context, method, id string, settings StreamSettings) (*Stream, error) {
	body, err := settings.withID(id)
	if err != nil {
		return nil, fmt.Errorf("ssf: StreamSettings: %w", err)
	}
	return t.sendStream(ctx, method, "", body, http.StatusOK)
}

// DeleteStream deletes a stream (SSF section 8.1.1.5).
func (t *Transmitter) DeleteStream(ctx context.Context, id string) error {
	m, err := t.Metadata(ctx)
	if err != nil {
		return err
	}
	// Section 8.1.1.5 defines the status 204. With 200, the stream is deleted too.
	_, err = t.send(ctx, http.MethodDelete, "configuration_endpoint", withStream(m.ConfigurationEndpoint, id), nil,
		http.StatusNoContent, http.StatusOK)
	return err
}

// sendStream sends a request to the configuration endpoint, and returns the stream in the response.
func (t *Transmitter) sendStream(ctx context.Context, method, id string, body []byte, accepted ...int) (*Stream, error) {
	m, err := t.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	text, err := t.send(ctx, method, "configuration_endpoint", withStream(m.ConfigurationEndpoint, id), body, accepted...)
	if err != nil {
		return nil, err
	}
	o, err := compact.ParseObject(text, maxDepth)
	if err != nil {
		return nil, fmt.Errorf("ssf: stream: %w", err)
	}
	return t.parseStream(o)
}

// withStream adds the parameter stream_id to an endpoint, unless one of them is empty.
func withStream(endpoint, id string) string {
	u, err := url.Parse(endpoint)
	if err != nil || endpoint == "" || id == "" {
		return endpoint // fetch rejects a URL that cannot be parsed
	}
	query := u.Query() // an endpoint may have a query of its own
	query.Set("stream_id", id)
	u.RawQuery = query.Encode()
	return u.String()
}

// Status returns the status of a stream (SSF section 8.1.2.1).
func (t *Transmitter) Status(ctx context.Context, id string) (*StreamStatus, error) {
	m, err := t.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	return t.sendStatus(ctx, http.MethodGet, withStream(m.StatusEndpoint, id), nil)
}

// SetStatus changes the status of a stream (SSF section 8.1.2.2). The Status of the result may differ from the requested one. A
// *[StatusError] with the status 202 means that the transmitter has not decided yet.
func (t *Transmitter) SetStatus(ctx context.Context, status StreamStatus) (*StreamStatus, error) {
	m, err := t.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(status)
	if err != nil {
		return nil, fmt.Errorf("ssf: StreamStatus: %w", err)
	}
	return t.sendStatus(ctx, http.MethodPost, m.StatusEndpoint, body)
}

// sendStatus sends a request to the status endpoint, and returns the status in the response.
func (t *Transmitter) sendStatus(ctx context.Context, method, endpoint string, body []byte) (*StreamStatus, error) {
	// 202 is not accepted: the body of such a response need not have the status, and the caller must know that it is undecided.
	text, err := t.send(ctx, method, "status_endpoint", endpoint, body, http.StatusOK)
	if err != nil {
		return nil, err
	}
	// compact rejects duplicate members, of which encoding/json would use the last one.
	var status StreamStatus
	o, err := compact.ParseObject(text, maxDepth)
	if err == nil {
		err = o.Decode(&status)
	}
	if err != nil {
		return nil, fmt.Errorf("ssf: status of a stream: %w", err)
	}
	return &status, nil
}

// AddSubject adds a subject to a stream, so that the transmitter sends events about it (SSF section 8.1.3.2). Set verified if you have
// verified that the identifier belongs to the subject. A transmitter may ignore the request without an error.
func (t *Transmitter) AddSubject(ctx context.Context, id string, subject Subject, verified bool) error {
	m, err := t.Metadata(ctx)
	if err != nil {
		return err
	}
	return t.post(ctx, "add_subject_endpoint", m.AddSubjectEndpoint,
		map[string]any{"stream_id": id, "subject": subject, "verified": verified})
}

// RemoveSubject removes a subject from a stream (SSF section 8.1.3.3). Events about it may still arrive.
func (t *Transmitter) RemoveSubject(ctx context.Context, id string, subject Subject) error {
	m, err := t.Metadata(ctx)
	if err != nil {
		return err
	}
	return t.post(ctx, "remove_subject_endpoint", m.RemoveSubjectEndpoint, map[string]any{"stream_id": id, "subject": subject})
}

// RequestVerification requests a verification event with the given state on a stream (SSF section 8.1.4.2). A Receiver accepts only
// states of [Receiver.VerifyStream], which calls this method. If state is empty, it is not sent.
func (t *Transmitter) RequestVerification(ctx context.Context, id, state string) error {
	m, err := t.Metadata(ctx)
	if err != nil {
		return err
	}
	request := map[string]any{"stream_id": id}
	if state != "" {
		request["state"] = state
	}
	return t.post(ctx, "verification_endpoint", m.VerificationEndpoint, request)
}

// post sends a JSON object. Transmitters respond with 200 or 204, or with 202 if they handle the request later.
func (t *Transmitter) post(ctx context.Context, name, endpoint string, request map[string]any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("ssf: request to the %s: %w", name, err)
	}
	_, err = t.send(ctx, http.MethodPost, name, endpoint, body, http.StatusOK, http.StatusNoContent, http.StatusAccepted)
	return err
}
