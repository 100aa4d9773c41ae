-- Lists a directory, or reads what belongs to given inodes. It starts with page.lua and only reads.
--
-- KEYS[1]  any key of the volume: it finds the server in a cluster
-- ARGV     the prefix of all keys, whether attributes are wanted (1 or 0), the extended attribute that is wanted or "";
--          then either a directory, the name after which the page starts, how many entries it has at most, and how many the
--          directory may have at most; or "" and inodes
--
-- Answer: that of page; nil if it gave up.
local inos = {}
if ARGV[4] == '' then
  for i = 5, #ARGV do inos[i - 4] = ARGV[i] end
  return page(ARGV[1], ARGV[2] == '1', ARGV[3], '', '', 0, 0, inos)
end
return page(ARGV[1], ARGV[2] == '1', ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), inos)
