// The application's own worker module, seen by its bundler as any other.
import 'cloudindex-uploader/worker';
