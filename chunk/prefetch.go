package chunk

// Prefetch loads the blocks of a range into the cache in the background. It is a hint: without a cache, or when enough
// others are under way or memory is short, it does nothing.
func (s *Store) Prefetch(r Ref, off, n uint32) {
	if s.memory == nil && s.cache == nil || checkRange(r, int64(off), int64(n)) != nil {
		return
	}
	c := cursor{r, s.blockSize, off, n}
	for sp, ok := c.next(); ok; sp, ok = c.next() {
		if s.memory.has(sp.block) || s.flights.has(sp.block) || s.cache != nil && s.cache.Has(sp.block) {
			continue
		}
		if !s.prefetches.TryAcquire(1) {
			return
		}
		room := s.pool.TryGet(int(sp.block.Length))
		if room == nil {
			s.prefetches.Release(1)
			return
		}
		s.tasks.Go(func() {
			defer s.prefetches.Release(1)
			page, err := s.load(s.background(), sp.block, room)
			if err != nil {
				s.log.Debug("block was not prefetched", "key", s.Key(sp.block), "error", err)
				return
			}
			page.Release()
		})
	}
}
