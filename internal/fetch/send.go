package fetch

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
)

// Send makes a request of any method, with body unless that is nil, under the same bounds as [Get]. Every status is an
// answer, since an error of OAuth is one, too. Only a redirect is an error, which is not followed, since a request for a
// token holds secrets; and so is a header of more than [MaxHeaderBytes]. Options.ContentTypes is what is accepted, and is
// not checked. Errors are those of Get.
func Send(ctx context.Context, method, rawURL string, body []byte, o Options) (*Response, error) {
	u, err := ParseURL(rawURL, o.AllowHTTP)
	if err != nil {
		return nil, err
	}
	ctx, cancel := o.limited(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, rawURL, bytes.NewReader(body))
	if err != nil {
		return nil, &URLError{URL: display(u), Problem: "makes no request"}
	}
	if body == nil {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	o.setHeader(req)
	resp, err := o.exchange(req, checkAnswer)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", req.Method, display(u), err)
	}
	return resp, nil
}

// MaxHeaderBytes bounds the header of an answer to [Send]. While it is read, the transport's own bound holds.
const MaxHeaderBytes = 64 << 10

func checkAnswer(req *http.Request, resp *http.Response) error {
	total := 0
	for name, values := range resp.Header {
		for _, value := range values {
			total += len(name) + len(value)
		}
	}
	if total > MaxHeaderBytes {
		return &TooLargeError{Limit: MaxHeaderBytes, Status: resp.StatusCode, header: true}
	}
	return refuseRedirect(req, resp)
}
