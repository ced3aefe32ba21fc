--- A vector store for the plugin ai-cache of APISIX: the module is lua/moonvec/resty/apisix_store.lua.
return require "moonvec.resty.apisix_store"
