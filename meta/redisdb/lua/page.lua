-- Reads a page of a directory in order of names, or what belongs to given inodes. It only reads. The scripts that list start
-- with this.
--
-- P  the prefix of all keys     attrs  whether attributes are wanted     xattr  the extended attribute that is wanted or ""
-- dir  the directory, in decimal; "": inos are given     after  the name after which the page starts
-- limit  how many entries it has at most     most  how many the directory may have at most
--
-- Answer: for each entry name, entry, attribute and the extended attribute (those that are wanted), in order if there were
-- more than fit; for each inode the last two. Or the number of entries if the directory has too many. false: something here is
-- too much for numbers of Lua.
local function page(P, attrs, xattr, dir, after, limit, most, inos)
  local call = redis.call
  local names, entries = {}, {}
  if dir ~= '' then
    local key = P .. 'd' .. dir
    local n = call('HLEN', key)
    if n > most then return n end
    local all = call('HGETALL', key)
    for i = 1, #all, 2 do
      local name = all[i]
      if name > after then
        names[#names + 1] = name
        entries[name] = all[i + 1]
      end
    end
    if #names > limit then
      table.sort(names)
      for i = #names, limit + 1, -1 do names[i] = nil end
    end
    for i = 1, attrs and #names or 0 do
      local t, ino = target(entries[names[i]])
      if not t then return false end
      inos[i] = ino
    end
  end

  local found = {}
  for from = 1, attrs and #inos or 0, 1000 do
    local keys = {}
    for i = from, math.min(from + 999, #inos) do keys[#keys + 1] = P .. 'i' .. inos[i] end
    for i, v in ipairs(call('MGET', unpack(keys))) do found[from + i - 1] = v end
  end
  local out = {}
  for i = 1, math.max(#names, #inos) do
    if dir ~= '' then
      out[#out + 1] = names[i]
      out[#out + 1] = entries[names[i]]
    end
    if attrs then out[#out + 1] = found[i] end
    if xattr ~= '' then out[#out + 1] = call('HGET', P .. 'x' .. inos[i], xattr) end
  end
  return out
end
