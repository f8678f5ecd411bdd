package replay

// queue is a binary heap: the entry at index 0 has the earliest end, and each entry ends no earlier than its parent.
type queue []entry

// entry is a mark in a queue.
type entry struct {
	end         int64 // in microseconds since 1970
	owner, mark digest
}

// push adds e.
func (q *queue) push(e entry) {
	*q = append(*q, e)
	h := *q
	i := len(h) - 1
	for i > 0 && h[i].end < h[(i-1)/2].end {
		h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
		i = (i - 1) / 2
	}
}

// pop removes the entry with the earliest end and returns it. The queue must not be empty.
func (q *queue) pop() entry {
	h := *q
	last := len(h) - 1
	first := h[0]
	h[0] = h[last]
	h = h[:last]
	*q = h
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return first
		}
		if child+1 < last && h[child+1].end < h[child].end {
			child++
		}
		if h[i].end <= h[child].end {
			return first
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
